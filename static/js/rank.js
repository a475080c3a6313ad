// The ranking page: the order, the ratings, what is asked before sending, and the keys that only a ranking has.
import { inTextField, shortcut } from "./app.js";
import { Order, Strip, disagreements } from "./rank-order.js";
import { View } from "./rank-view.js";
import { TaskPage, current, focusKey, start } from "./task.js";
import { fill } from "./wording.js";

const ratingRow = (event) => event.target.closest?.(".candidate .rating");

class RankPage extends TaskPage {
  constructor(task) {
    super(task);
    this.cards = [...task.querySelectorAll("[data-candidate]")];
    this.uids = this.cards.map((card) => card.dataset.candidate);
    this.order = new Order(this.uids, { ties: "ties" in task.dataset });
    this.strip = new Strip(task, this.words);
    this.view = new View(task);
    this.comparison = null;
    this.confirmed = false;
    this.active = 0;
    this.activate(0, { focus: false });
    this.begin();
    this.#listen();
    this.#showNewestTurn();
  }

  #listen() {
    const near = () => { if (!this.closed) this.strip.makeDraggable((uids, moved) => this.arranged(uids, moved)); };
    this.task.querySelector(".strip").addEventListener("pointerenter", near, { once: true });
    const select = this.form.elements.rewrite_of;
    // Before the form hears of it, so that the draft has the text too.
    select.addEventListener("input", () => this.startFrom(select));
    for (const [index, card] of this.cards.entries()) {
      card.addEventListener("focusin", () => this.activate(index, { focus: false }));
    }
  }

  #showNewestTurn() {
    // From its start: a long one is read from there.
    const prompt = this.task.querySelector(".rank-prompt");
    const newest = prompt.querySelector(".turn:last-of-type");
    if (newest) prompt.scrollTop = newest.offsetTop - prompt.offsetTop;
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
    super.fieldsChanged();
  }

  digit(number, event) {
    const row = ratingRow(event);
    if (number === 0) return this.toggleAllBad();
    if (row) this.rate(row, number);
    return row ? true : this.place(number - 1);
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

  arranged(uids, moved) {
    this.order.arrange(uids);
    this.ordered(moved);
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
    if (this.order.tieNext) this.strip.announce(fill(this.words.tieNext, { letter: this.strip.letters[before] }));
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
    if (this.allBad.checked) this.strip.announce(this.words.allBad);
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

  // Beside or below each other, scrolling together or in full.
  changeView(name) {
    const on = this.view.toggle(name);
    const [said, otherwise] = name === "stacked" ? ["stacked", "columns"] : ["linked", "unlinked"];
    this.announce(this.words[on ? said : otherwise]);
    this.cards[this.active].scrollIntoView({ block: "nearest" });
  }

  // The first comparison fetches what it needs; most tasks are done without one.
  async compare(deed, ...uids) {
    if (this.uids.length < 2) return;
    const { Comparison } = await import("./rank-compare.js");
    this.comparison ??= new Comparison(this);
    this.comparison[deed](...uids);
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
  missing() {
    const placed = this.order.entries.length;
    const { rewrite, rewrite_of: from } = this.form.elements;
    if (from.value && rewrite.value.trim() === this.textOf(from.value).trim()) {
      return fill(this.words.unchanged, { letter: this.strip.letters[from.value] });
    }
    return !this.allBad?.checked && placed < Math.min(2, this.uids.length) ? this.words.empty : "";
  }

  maySend(event) {
    const [found] = this.confirmed ? [] : disagreements(this.order.ranks(), this.ratings);
    if (found) this.askAbout(found, event.submitter);
    return !found;
  }

  askAbout({ better, worse, high, low }, submitter) {
    const dialog = document.getElementById("ratings-conflict");
    const { letters } = this.strip;
    const values = { better: letters[better], worse: letters[worse], high: high.toFixed(1), low: low.toFixed(1) };
    dialog.querySelector("[data-sentence]").textContent = fill(this.words.conflict, values);
    dialog.returnValue = "back";
    this.asked = submitter;
    dialog.showModal();
  }

  answered(choice) {
    if (choice !== "keep") return;
    this.confirmed = true;
    this.form.requestSubmit(this.asked ?? undefined);
  }

  textOf(uid) {
    return this.task.querySelector(`[data-candidate="${uid}"] .raw`).textContent;
  }

  // "Starting from B" puts its text there, unless something of the person's own is there already.
  startFrom(select) {
    const { rewrite } = this.form.elements;
    const copies = ["", ...this.uids.map((uid) => this.textOf(uid).trim())];
    if (select.value && copies.includes(rewrite.value.trim())) rewrite.value = this.textOf(select.value);
  }

  leave(event) {
    if (inTextField(event.target) || ratingRow(event)) this.activate(this.active);
  }

  clicked(button) {
    const { place, chip, better, worse, show, compare, against, view } = button.dataset;
    if (compare) this.compare("toggle", compare);
    if (against) this.compare("against", button.closest("[data-candidate]").dataset.candidate, against);
    if (view) this.changeView(view);
    if (place || chip) this.place(this.uids.indexOf(place ?? chip));
    if (better) this.move(better, -1);
    if (worse) this.move(worse, +1);
    if (show) this.switchTo(this.uids.indexOf(show));
  }

  // On a narrow screen one card takes the place of the other: it is read from its start.
  switchTo(index) {
    this.activate(index, { focus: false });
    const { bottom } = this.task.querySelector(".switcher").getBoundingClientRect();
    const { top } = this.cards[index].getBoundingClientRect();
    if (top < bottom) window.scrollBy(0, top - bottom - 8);
  }
}

// --- Keys -------------------------------------------------------------------------------------------------
shortcut("=", () => current()?.tie() ?? false);
shortcut("backspace", () => current()?.pop() ?? false);
for (const [name, step] of [["j", 1], ["k", -1], ["arrowright", 1], ["arrowleft", -1]]) {
  shortcut(name, (event) => {
    const page = current();
    // Inside a row of radio buttons the arrows are the browser's.
    if (!page || (name.startsWith("arrow") && event.target.matches("input"))) return false;
    const mirrored = name.startsWith("arrow") && document.dir === "rtl";
    page.activate(page.active + (mirrored ? -step : step));
    return true;
  });
}
for (const [name, distance] of [
  ["arrowdown", { lines: 1 }], ["arrowup", { lines: -1 }], ["pagedown", { pages: 1 }], ["pageup", { pages: -1 }],
]) {
  shortcut(name, ({ target }) => {
    const page = current();
    if (!page || target.closest("input, .rank-prompt, [popover], .dock")) return false;
    return page.view.scroll(page.active, distance);
  });
}
shortcut("d", ({ shiftKey }) => {
  const page = current();
  page?.compare(shiftKey ? "next" : "toggle", page.uids[page.active]);
});
shortcut("l", () => current()?.changeView("linked"));
shortcut("v", () => current()?.changeView("stacked"));
shortcut("s", () => current()?.startRating() ?? false);
focusKey("e", "#rewrite");
// One listener for good: the event of a closing comes late, when the question may stand there anew.
const question = document.getElementById("ratings-conflict");
question.addEventListener("close", () => current()?.answered(question.returnValue));
start((task) => new RankPage(task));
