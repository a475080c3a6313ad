// The ranking page: its keys, and one task after the other.
import { inTextField, shortcut, singleKeysAllowed } from "./app.js";
import { forgetOldCopies } from "./rank-draft.js";
import { RankPage } from "./rank-page.js";

let page = null;

// --- Keys: each looks up the task that is on the screen ---------------------------------------------------
const ratingRow = (event) => event.target.closest?.(".candidate .rating");
const isControl = (element) => Boolean(element.closest?.("button, a, summary, select"));

function focusInside(selector) {
  const element = page?.task.querySelector(selector);
  if (!element || page.closed) return false;
  element.closest("details")?.setAttribute("open", "");
  element.focus();
  return true;
}

function submit() {
  const button = page?.task.querySelector("[data-submit]");
  if (!button) return false;
  page.form.requestSubmit(button);
  return true;
}

for (let digit = 1; digit <= 9; digit += 1) {
  shortcut(String(digit), (event) => {
    const row = ratingRow(event);
    if (row) page.rate(row, digit);
    return row ? true : (page?.place(digit - 1) ?? false);
  });
}
shortcut("=", () => page?.tie() ?? false);
shortcut("0", () => page?.toggleAllBad() ?? false);
shortcut("backspace", () => page?.pop() ?? false);
for (const [name, step] of [["j", 1], ["k", -1], ["arrowright", 1], ["arrowleft", -1]]) {
  shortcut(name, (event) => {
    // Inside a row of radio buttons the arrows are the browser's.
    if (!page || (name.startsWith("arrow") && event.target.matches("input"))) return false;
    const mirrored = name.startsWith("arrow") && document.dir === "rtl";
    page.activate(page.active + (mirrored ? -step : step));
    return true;
  });
}
shortcut("s", () => page?.startRating() ?? false);
shortcut("r", () => page?.showRaw(!page.raw));
shortcut("g", () => document.getElementById("guideline")?.togglePopover() ?? false);
shortcut("f", () => focusInside("[data-flags] input"));
shortcut("c", () => focusInside("#rationale"));
shortcut("e", () => focusInside("#rewrite"));
shortcut("enter", ({ target }) => (isControl(target) || target.closest("#skip") ? false : submit()));
shortcut("ctrl+enter", submit);
shortcut("ctrl+s", () => { page?.draft.save(); });
shortcut("ctrl+space", () => { page?.task.querySelector("#skip")?.showPopover(); });
shortcut("ctrl+z", (event) => {
  const undo = document.querySelector("[data-undo]");
  if (!undo || inTextField(event.target)) return false;
  undo.requestSubmit();
  return true;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !page?.task.contains(event.target) || document.querySelector(":popover-open")) return;
  if (inTextField(event.target) || ratingRow(event)) page.activate(page.active);
});

// --- One task after the other -----------------------------------------------------------------------------
function start() {
  const task = document.querySelector("#task[data-rank]");
  if (task && page?.task === task) return;
  page?.stop();
  page = task ? new RankPage(task) : null;
  const undo = document.querySelector("[data-undo]");
  if (undo) setTimeout(() => undo.remove(), 8000);
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
  if (!version || sessionStorage.getItem("annotera:guideline") === version) return;
  sessionStorage.setItem("annotera:guideline", version);
  drawer.showPopover();
}

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement === page?.form) clearTimeout(page.draft.timer);
});
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  // Acknowledged: the copy on this device has done its work.
  if (ctx.response.raw.ok && page?.task.contains(ctx.sourceElement)) {
    page.draft.stop();
    page.draft.forget();
  }
});
document.addEventListener("htmx:after:settle", () => {
  const before = page?.task;
  start();
  if (page?.task !== before) arrive();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") page?.draft.save({ leaving: true });
});
window.addEventListener("online", () => page?.draft.save());

if (!singleKeysAllowed()) document.body.classList.add("no-single-keys");
forgetOldCopies();
start();
openNewGuideline();
