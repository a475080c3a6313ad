import { fill } from "./wording.js";

// The order of the answers, best first: an entry is tied when it shares the place of the
// one before it. What is not in it is not placed.
export class Order {
  constructor(uids, { ties }) {
    this.uids = uids;
    this.ties = ties;
    this.entries = [];
    this.tieNext = false;
  }

  // From the fields: {uid: "1"}; equal numbers are ties, "" is not placed.
  read(ranks) {
    const placed = this.uids.filter((uid) => ranks[uid]);
    placed.sort((a, b) => Number(ranks[a]) - Number(ranks[b]));
    const tied = (uid, index) => index > 0 && ranks[uid] === ranks[placed[index - 1]];
    this.entries = placed.map((uid, index) => ({ uid, tied: tied(uid, index) }));
    this.tieNext = false;
  }

  // Back to the fields. Places count groups: 1, 2, 2, 3.
  ranks() {
    const ranks = Object.fromEntries(this.uids.map((uid) => [uid, ""]));
    let place = 0;
    for (const entry of this.entries) {
      if (!entry.tied) place += 1;
      ranks[entry.uid] = String(place);
    }
    return ranks;
  }

  get unplaced() {
    return this.uids.filter((uid) => !this.has(uid));
  }

  get last() {
    return this.entries.at(-1)?.uid ?? null;
  }

  has(uid) {
    return this.entries.some((entry) => entry.uid === uid);
  }

  toggle(uid) {
    if (this.has(uid)) this.remove(uid);
    else this.add(uid);
  }

  add(uid) {
    this.entries.push({ uid, tied: this.tieNext && this.entries.length > 0 });
    this.tieNext = false;
  }

  remove(uid) {
    const index = this.entries.findIndex((entry) => entry.uid === uid);
    if (index < 0) return;
    const [removed] = this.entries.splice(index, 1);
    // The next of the same place takes over its start, so that no tie slips to the place above.
    if (!removed.tied && this.entries[index]) this.entries[index].tied = false;
    this.tieNext = false;
  }

  pop() {
    if (this.tieNext) this.tieNext = false;
    else if (this.last) this.remove(this.last);
  }

  // Before the last one is placed: the next ties. When all are placed: the last ties with the one before, or
  // is parted from it again.
  tie() {
    if (!this.ties || this.entries.length === 0) return;
    if (this.unplaced.length > 0) {
      this.tieNext = !this.tieNext;
      return;
    }
    const last = this.entries.at(-1);
    if (this.entries.length > 1) last.tied = !last.tied;
  }

  // One step towards the best (-1) or the worst (+1). Out of a tie first, then past its neighbour.
  move(uid, step) {
    const index = this.entries.findIndex((entry) => entry.uid === uid);
    if (index < 0) {
      this.add(uid);
      return;
    }
    const target = index + step;
    const flat = this.entries.map((entry) => entry.uid);
    if (target < 0 || target >= flat.length) return;
    [flat[index], flat[target]] = [flat[target], flat[index]];
    this.arrange(flat);
  }

  // A new sequence, as a drag leaves it: the ties whose two members are still neighbours stay.
  arrange(uids) {
    const pairs = new Set(
      this.entries.flatMap((entry, index) => (entry.tied ? [this.entries[index - 1].uid + entry.uid] : [])),
    );
    const tied = (uid, index) => index > 0 && (pairs.has(uids[index - 1] + uid));
    this.entries = uids.map((uid, index) => ({ uid, tied: tied(uid, index) }));
    this.tieNext = false;
  }
}

// Pairs whose averaged ratings say the opposite of the order: [{better, worse, high, low}], by the ratings.
export function disagreements(ranks, ratings) {
  const average = (uid) => {
    const values = Object.values(ratings[uid] ?? {}).map(Number);
    return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
  };
  const found = [];
  const placed = Object.keys(ranks).filter((uid) => ranks[uid] && average(uid) !== null);
  for (const above of placed) {
    for (const below of placed) {
      if (Number(ranks[above]) >= Number(ranks[below])) continue;
      const high = average(below);
      const low = average(above);
      // Less than half a step on a scale of five is no contradiction.
      if (high - low >= 0.5) found.push({ better: below, worse: above, high, low });
    }
  }
  return found;
}

// --- On the page ------------------------------------------------------------------------------------------
const GRIP = '<path d="M9 6v.1M9 12v.1M9 18v.1M15 6v.1M15 12v.1M15 18v.1" stroke-width="2.5"/>';

function drawing(shapes) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon grip");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.innerHTML = shapes;
  return svg;
}

function chip(uid, letter, label) {
  const item = document.createElement("li");
  item.dataset.uid = uid;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "chip";
  button.dataset.chip = uid;
  button.setAttribute("aria-label", fill(label, { letter }));
  button.append(drawing(GRIP), letter);
  item.append(button);
  return item;
}

// Shows an order: chips in the dock, the place on each card, and a sentence for who cannot see either.
export class Strip {
  constructor(task, words) {
    this.task = task;
    this.words = words;
    this.letters = Object.fromEntries(
      [...task.querySelectorAll("[data-candidate]")].map((card) => [card.dataset.candidate, card.dataset.letter]),
    );
    this.placed = task.querySelector("[data-placed]");
    this.pool = task.querySelector("[data-pool]");
  }

  show(order, { allBad = false } = {}) {
    const ranks = order.ranks();
    this.placed.replaceChildren(...order.entries.map(({ uid, tied }) => {
      const item = chip(uid, this.letters[uid], this.words.remove);
      item.classList.toggle("tied", tied);
      return item;
    }));
    this.placed.classList.toggle("tie-next", order.tieNext);
    this.pool.replaceChildren(...order.unplaced.map((uid) => chip(uid, this.letters[uid], this.words.add)));
    this.task.classList.toggle("is-all-bad", allBad);
    for (const uid of order.uids) this.#showPlace(uid, ranks);
  }

  #showPlace(uid, ranks) {
    const shared = ranks[uid] && Object.values(ranks).filter((rank) => rank === ranks[uid]).length > 1;
    const text = ranks[uid] ? `${shared ? "=" : ""}${ranks[uid]}` : "";
    const card = this.task.querySelector(`[data-candidate="${uid}"]`);
    card.dataset.rank = ranks[uid];
    for (const line of this.task.querySelectorAll(`[data-place-of="${uid}"], [data-rank-of="${uid}"]`)) {
      line.textContent = text;
      line.classList.toggle("shared", Boolean(shared));
    }
  }

  announce(text) {
    this.task.querySelector("[data-announce]").textContent = text;
  }

  announcePlace(order, uid) {
    const ranks = order.ranks();
    const letter = this.letters[uid];
    if (!ranks[uid]) {
      this.announce(fill(this.words.unplaced, { letter }));
      return;
    }
    const sharing = order.uids.filter((other) => ranks[other] === ranks[uid]);
    const place = this.words.ordinals.split(" ")[ranks[uid] - 1] ?? ranks[uid];
    const values = { letter, place, count: order.uids.length };
    if (sharing.length === 1) this.announce(fill(this.words.place, values));
    else {
      const letters = sharing.map((one) => this.letters[one]).join(", ");
      this.announce(fill(this.words.tie, { ...values, letters }));
    }
  }

  // Dragging is the second way; its library is fetched when a pointer first comes near.
  async makeDraggable(changed) {
    await import("../vendor/sortable.js");
    if (!this.placed.isConnected) return;
    const options = {
      group: "order", handle: ".chip", animation: 120, forceFallback: true, fallbackTolerance: 4,
      // The dock stays at the edge of the window: the texts behind it need not move.
      ghostClass: "chip-ghost", fallbackClass: "chip-dragged", scroll: false,
      onEnd: ({ item }) => changed([...this.placed.children].map(({ dataset }) => dataset.uid), item.dataset.uid),
    };
    window.Sortable.create(this.placed, options);
    window.Sortable.create(this.pool, options);
  }
}
