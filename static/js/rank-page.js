// One task on the screen: its order, its ratings, its draft and what happens before sending. The fields of the
// form are the truth; this class only moves them, so the page works the same without it.
import { inTextField, toast } from "./app.js";
import { Clock } from "./rank-clock.js";
import { Draft, refreshToken } from "./rank-draft.js";
import { Order, Strip, disagreements, fill } from "./rank-order.js";

const words = document.getElementById("rank-words").dataset;
const RAW_KEY = "annotera:raw";

export class RankPage {
  constructor(task) {
    this.task = task;
    this.form = task.querySelector("#answer");
    this.cards = [...task.querySelectorAll("[data-candidate]")];
    this.uids = this.cards.map((card) => card.dataset.candidate);
    this.order = new Order(this.uids, { ties: "ties" in task.dataset });
    this.strip = new Strip(task, words);
    this.strength = null;
    this.confirmed = false;
    this.active = 0;
    this.closed = task.dataset.mode === "closed";
    this.draft = new Draft(task, {
      onState: (state, values) => this.showReceipt(state, values),
      onRestored: () => this.readFields(),
    });
    this.clock = new Clock(task, { onLease: (left) => this.showLease(left) });
    this.readFields();
    this.showRaw(sessionStorage.getItem(RAW_KEY) === "1");
    this.activate(0, { focus: false });
    task.dataset.ready = "";
    this.#listen();
    this.#resume();
    this.#showNewestTurn();
  }

  #listen() {
    this.form.addEventListener("input", () => this.fieldsChanged());
    this.form.addEventListener("focusout", (event) => { if (inTextField(event.target)) this.draft.save(); });
    this.form.addEventListener("submit", (event) => this.beforeSend(event), true);
    this.task.addEventListener("click", (event) => this.clicked(event));
    const near = () => { if (!this.closed) this.strip.makeDraggable((uids) => this.arranged(uids)); };
    this.task.querySelector(".strip").addEventListener("pointerenter", near, { once: true });
    for (const [index, card] of this.cards.entries()) {
      card.addEventListener("focusin", () => this.activate(index, { focus: false }));
    }
  }

  #resume() {
    const alert = this.task.querySelector("[data-alert]");
    // What the server refused or found in conflict is on the screen only: it becomes the draft.
    if (alert) {
      this.draft.acknowledged = null;
      this.draft.changed();
      return;
    }
    const found = this.draft.restore();
    if (found === "restored") toast(words.restored);
    if (found === "older") toast(words.older, { action: words.use, run: () => this.draft.use() });
  }

  #showNewestTurn() {
    const prompt = this.task.querySelector(".rank-prompt");
    prompt.scrollTop = prompt.scrollHeight;
  }

  stop() {
    this.draft.stop();
    this.clock.stop();
  }

  // --- The order ------------------------------------------------------------------------------------------
  field(uid) {
    return this.form.elements[`rank-${uid}`];
  }

  get allBad() {
    return this.form.elements.all_bad ?? null;
  }

  readFields() {
    this.order.read(Object.fromEntries(this.uids.map((uid) => [uid, this.field(uid).value])));
    this.show();
  }

  fieldsChanged() {
    this.confirmed = false;
    this.problem("");
    this.readFields();
    this.draft.changed();
  }

  ordered(uid = null) {
    const ranks = this.order.ranks();
    for (const one of this.uids) this.field(one).value = ranks[one];
    if (this.allBad && this.order.entries.length > 0) this.allBad.checked = false;
    this.confirmed = false;
    this.problem("");
    this.show();
    if (uid) this.strip.announcePlace(this.order, uid);
    this.draft.changed();
  }

  show() {
    this.strip.show(this.order, { allBad: Boolean(this.allBad?.checked) });
  }

  arranged(uids) {
    this.order.arrange(uids);
    this.ordered(uids.at(-1));
  }

  place(index) {
    if (this.closed || index >= this.uids.length) return false;
    this.order.toggle(this.uids[index]);
    this.activate(index, { focus: false });
    this.ordered(this.uids[index]);
    return true;
  }

  tie() {
    const before = this.order.last;
    if (this.closed || !before) return false;
    this.order.tie();
    this.ordered(this.order.tieNext ? null : before);
    if (this.order.tieNext) this.strip.announce(fill(words.tieNext, { letter: this.strip.letters[before] }));
    return true;
  }

  pop() {
    const last = this.order.last;
    if (this.closed || !last) return false;
    this.order.pop();
    this.ordered(last);
    return true;
  }

  move(uid, step) {
    this.order.move(uid, step);
    this.ordered(uid);
  }

  toggleAllBad() {
    if (this.closed || !this.allBad) return false;
    this.allBad.checked = !this.allBad.checked;
    if (this.allBad.checked) this.order.entries = [];
    const ranks = this.order.ranks();
    for (const uid of this.uids) this.field(uid).value = ranks[uid];
    this.fieldsChanged();
    if (this.allBad.checked) this.strip.announce(words.allBad);
    return true;
  }

  // --- The cards and their ratings ------------------------------------------------------------------------
  activate(index, { focus = true } = {}) {
    this.active = (index + this.cards.length) % this.cards.length;
    for (const [number, card] of this.cards.entries()) card.toggleAttribute("data-active", number === this.active);
    const uid = this.uids[this.active];
    for (const button of this.task.querySelectorAll("[data-show]")) {
      button.setAttribute("aria-pressed", String(button.dataset.show === uid));
    }
    if (!focus) return;
    this.cards[this.active].focus({ preventScroll: true });
    this.cards[this.active].scrollIntoView({ block: "nearest" });
  }

  get ratingRows() {
    return [...this.task.querySelectorAll(".candidate .rating")];
  }

  // The first row without a rating, of the card that has the focus or else of all.
  startRating() {
    const within = document.activeElement.closest(".candidate") ?? this.task;
    const rows = this.ratingRows.filter((row) => within.contains(row));
    const row = rows.find((one) => !one.querySelector("input:checked")) ?? rows[0];
    if (!row || this.closed) return false;
    this.focusRow(row);
    return true;
  }

  focusRow(row) {
    this.activate(this.cards.indexOf(row.closest(".candidate")), { focus: false });
    const radio = row.querySelector("input:checked") ?? row.querySelector("input");
    radio.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  // A digit inside a row rates it and goes to the next row; pressed again it takes the rating back.
  rate(row, digit) {
    const radio = row.querySelector(`input[value="${digit}"]`);
    if (!radio) return;
    const again = radio.checked;
    radio.checked = !again;
    this.fieldsChanged();
    if (again) return;
    const rows = this.ratingRows;
    const next = rows[rows.indexOf(row) + 1];
    if (next) this.focusRow(next);
    else this.task.querySelector("[data-submit]")?.focus();
  }

  get ratings() {
    const ratings = {};
    for (const row of this.ratingRows) {
      const value = row.querySelector("input:checked")?.value;
      const uid = row.closest(".candidate").dataset.candidate;
      if (value) (ratings[uid] ??= {})[row.dataset.aspect] = value;
    }
    return ratings;
  }

  // --- Sending --------------------------------------------------------------------------------------------
  beforeSend(event) {
    refreshToken(this.form);
    const hold = () => { event.preventDefault(); event.stopImmediatePropagation(); };
    const placed = this.order.entries.length;
    if (!this.allBad?.checked && placed < Math.min(2, this.uids.length)) {
      hold();
      this.problem(words.empty);
      return;
    }
    const [found] = this.confirmed ? [] : disagreements(this.order.ranks(), this.ratings);
    if (!found) return;
    hold();
    this.askAbout(found, event.submitter);
  }

  askAbout({ better, worse, high, low }, submitter) {
    const dialog = document.getElementById("ratings-conflict");
    const { letters } = this.strip;
    const values = { better: letters[better], worse: letters[worse], high: high.toFixed(1), low: low.toFixed(1) };
    dialog.querySelector("[data-sentence]").textContent = fill(words.conflict, values);
    dialog.returnValue = "back";
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "keep") return;
      this.confirmed = true;
      this.form.requestSubmit(submitter ?? undefined);
    }, { once: true });
    dialog.showModal();
  }

  problem(text) {
    const line = this.task.querySelector("[data-problem]");
    line.textContent = text;
    line.hidden = !text;
  }

  showReceipt(state, values = {}) {
    const line = this.task.querySelector("[data-receipt-line]");
    const sentences = {
      saving: words.saving, saved: words.saved, unsaved: words.unsaved, logged_out: words.loggedOut,
      answered: words.answered, stale_draft: words.stale,
    };
    line.textContent = fill(sentences[state] ?? words.refused, values);
    line.dataset.state = state;
    if (state === "stale_draft") toast(words.stale, { action: words.reload, run: () => location.reload() });
  }

  showLease(left) {
    const line = this.task.querySelector("[data-lease-clock]");
    if (!line) return;
    line.textContent = left > 0 ? fill(words.lease, { minutes: Math.ceil(left / 60000) }) : words.leaseOver;
    line.classList.toggle("is-late", left < 60000);
  }

  // --- The rest -------------------------------------------------------------------------------------------
  showRaw(raw) {
    sessionStorage.setItem(RAW_KEY, raw ? "1" : "0");
    this.raw = raw;
    this.task.querySelector("[data-raw]").setAttribute("aria-pressed", String(raw));
    for (const element of this.task.querySelectorAll(".rendered")) element.hidden = raw;
    for (const element of this.task.querySelectorAll(".raw")) element.hidden = !raw;
  }

  clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const { place, chip, better, worse, show } = button.dataset;
    if (place || chip) this.place(this.uids.indexOf(place ?? chip));
    if (better) this.move(better, -1);
    if (worse) this.move(worse, +1);
    if (show) this.activate(this.uids.indexOf(show), { focus: false });
    if (button.matches("[data-raw]")) this.showRaw(!this.raw);
  }
}
