// One task on the screen, whatever its kind: its draft, its clock, its texts and the line that says what is saved.
// The fields of the form are the truth; the classes of the kinds only move them, so a page works the same without.
import { inTextField, shortcut, shortcutOnce, singleKeysAllowed, toast } from "./app.js";
import { Clock, Draft, forgetOldCopies, keep, kept, refreshToken } from "./task-keeping.js";
import { fill } from "./wording.js";

const RAW_KEY = "annotera:raw";
const UNDO_MS = 8000;

export class TaskPage {
  constructor(task) {
    this.task = task;
    this.words = document.getElementById("task-words").dataset;
    this.form = task.querySelector("#answer");
    this.closed = task.dataset.mode === "closed";
    this.draft = new Draft(task, {
      onState: (state, values) => this.showReceipt(state, values),
      onRestored: () => this.readFields(),
    });
    this.clock = new Clock(task, { onLease: (left) => this.showLease(left) });
  }

  // Once the class of the kind has its own parts.
  begin() {
    this.readFields();
    this.showRaw(kept(RAW_KEY, "sessionStorage") === "1");
    this.task.dataset.ready = "";
    this.form.addEventListener("input", () => this.fieldsChanged());
    this.form.addEventListener("focusout", (event) => { if (inTextField(event.target)) this.draft.save(); });
    this.form.addEventListener("submit", (event) => this.#sending(event), true);
    this.task.addEventListener("click", (event) => this.#pressed(event));
    this.#resume();
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
    if (found === "restored") toast(this.words.restored);
    if (found === "older") toast(this.words.older, { action: this.words.use, run: () => this.draft.use() });
  }

  stop() {
    this.draft.stop();
    this.clock.stop();
  }

  // --- What the kinds fill in -----------------------------------------------------------------------------
  readFields() {}

  // Why the answer cannot be sent yet; empty when it can.
  missing() {
    return "";
  }

  // Whether the answer may go now; a kind may hold it back and ask first.
  maySend() {
    return true;
  }

  clicked() {}

  // A digit was pressed; true when it was for this page.
  digit() {
    return false;
  }

  // Escape was pressed inside of the task: out of the field, so that the single keys work again.
  leave(event) {
    if (inTextField(event.target)) this.task.querySelector("#task-title").focus({ preventScroll: true });
  }

  // --- What they share ------------------------------------------------------------------------------------
  fieldsChanged() {
    this.problem("");
    this.readFields();
    this.draft.changed();
  }

  #sending(event) {
    refreshToken(this.form);
    const reason = this.missing();
    this.problem(reason);
    if (!reason && this.maySend(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  #pressed(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("[data-raw]")) this.showRaw(!this.raw);
    else this.clicked(button);
  }

  focusInside(selector) {
    const element = this.task.querySelector(selector);
    if (!element || this.closed) return false;
    element.closest("details")?.setAttribute("open", "");
    element.focus();
    return true;
  }

  submit() {
    const button = this.task.querySelector("[data-submit]");
    if (!button) return false;
    this.form.requestSubmit(button);
    return true;
  }

  announce(sentence) {
    this.task.querySelector("[data-announce]").textContent = sentence;
  }

  problem(text) {
    const line = this.task.querySelector("[data-problem]");
    line.textContent = text;
    line.hidden = !text;
  }

  showReceipt(state, values = {}) {
    const { words } = this;
    const line = this.task.querySelector("[data-receipt-line]");
    const sentences = {
      saving: words.saving, saved: words.saved, unsaved: words.unsaved, logged_out: words.loggedOut,
      answered: words.answered, stale_draft: words.stale,
    };
    const isNews = line.dataset.state !== state;
    line.textContent = fill(sentences[state] ?? words.refused, values);
    line.dataset.state = state;
    if (state === "logged_out" && isNews) toast(words.loggedOut, { action: words.login, run: () => window.open(words.loginUrl) });
    if (state === "stale_draft") toast(words.stale, { action: words.reload, run: () => location.reload() });
  }

  showLease(left) {
    const line = this.task.querySelector("[data-lease-clock]");
    if (!line) return;
    const { lease, leaseOver } = this.words;
    line.textContent = left > 0 ? fill(lease, { minutes: Math.ceil(left / 60000) }) : leaseOver;
    line.classList.toggle("is-late", left < 60000);
  }

  showRaw(raw) {
    keep(RAW_KEY, raw ? "1" : "0", "sessionStorage");
    this.raw = raw;
    this.task.querySelector("[data-raw]")?.setAttribute("aria-pressed", String(raw));
    this.task.classList.toggle("is-raw", raw);
    for (const element of this.task.querySelectorAll(".rendered")) element.hidden = raw;
    for (const element of this.task.querySelectorAll(".raw")) element.hidden = !raw;
  }
}

// --- One task after the other, and the keys that all kinds share ------------------------------------------
let page = null;
let make = null;
const isControl = (element) => Boolean(element.closest?.("button, a, summary, select"));

export const current = () => page;

export function focusKey(name, selector) {
  shortcut(name, () => page?.focusInside(selector) ?? false);
}

for (let digit = 0; digit <= 9; digit += 1) {
  shortcut(String(digit), (event) => page?.digit(digit, event) ?? false);
}
shortcut("r", () => page?.showRaw(!page.raw));
shortcut("g", () => document.getElementById("guideline")?.togglePopover() ?? false);
focusKey("f", "[data-flags] input");
focusKey("c", "#rationale");
shortcutOnce("enter", ({ target }) => {
  if (!page || isControl(target) || target.closest("#skip")) return false;
  return page.submit();
});
// In the dialog of the skip it skips: the answer behind is not what the person looks at.
shortcutOnce("ctrl+enter", ({ target }) => {
  const skip = target.closest("#skip");
  if (!skip) return page?.submit() ?? false;
  skip.requestSubmit();
  return true;
});
shortcut("ctrl+s", () => { page?.draft.save(); });
shortcut("ctrl+space", () => { page?.task.querySelector("#skip")?.showPopover(); });
shortcut("ctrl+z", (event) => {
  const undo = document.querySelector("[data-undo]");
  if (!undo || inTextField(event.target)) return false;
  undo.requestSubmit();
  return true;
});

// The guideline stays open beside the work until it is closed; Escape closes what lies over it first.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  const open = document.querySelectorAll("dialog[open], :popover-open:not(#guideline)");
  const guideline = document.querySelector("#guideline:popover-open");
  if (open.length) return;
  if (guideline) guideline.hidePopover();
  else if (page?.task.contains(event.target)) page.leave(event);
});

function show() {
  const task = document.querySelector("#task[data-assignment]");
  if (task && page?.task === task) return;
  page?.stop();
  page = task ? make(task) : null;
  removeUndoLater();
}

// Not from under somebody who is about to press it.
function removeUndoLater() {
  const undo = document.querySelector("[data-undo]");
  if (!undo) return;
  const remove = () => {
    if (undo.matches(":hover, :focus-within")) setTimeout(remove, UNDO_MS);
    else undo.remove();
  };
  setTimeout(remove, UNDO_MS);
}

function arrive() {
  const alert = document.querySelector("#task [data-alert]");
  const target = alert ?? document.getElementById("task-title") ?? document.querySelector("#task h1, #task h2");
  window.scrollTo(0, 0);
  target?.focus({ preventScroll: true });
}

// A new guideline opens by itself, once.
function openNewGuideline() {
  const drawer = document.getElementById("guideline");
  const version = drawer?.dataset.open;
  if (!version || kept("annotera:guideline", "sessionStorage") === version) return;
  keep("annotera:guideline", version, "sessionStorage");
  drawer.showPopover();
}

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement === page?.form) clearTimeout(page.draft.timer);
});
document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  // The server would send the browser to its login page: the work stays in sight, and is sent after the log-in.
  if (ctx.response.status === 401 && page?.task.contains(ctx.sourceElement)) {
    event.preventDefault();
    page.showReceipt("logged_out");
    return;
  }
  // Acknowledged: the copy on this device has done its work.
  if (ctx.response.raw.ok && page?.task.contains(ctx.sourceElement)) {
    page.draft.stop();
    page.draft.forget();
  }
});
document.addEventListener("htmx:after:settle", () => {
  const before = page?.task;
  show();
  if (page?.task !== before) arrive();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") page?.draft.save({ leaving: true });
});
window.addEventListener("online", () => page?.draft.save());

// `makePage` gives the page of this kind for a task that has come onto the screen.
export function start(makePage) {
  make = makePage;
  if (!singleKeysAllowed()) document.body.classList.add("no-single-keys");
  forgetOldCopies();
  show();
  openNewGuideline();
}
