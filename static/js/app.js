// What every page shares: htmx, the banner of a lost connection, toasts, the theme, dialogs and keys.
import htmx from "../vendor/htmx.esm.js";

const root = document.documentElement;

// --- The connection ---------------------------------------------------------------------------------------
let retry = null;

export function connectionLost(again) {
  retry = again ?? retry;
  document.getElementById("connection").hidden = false;
}

export function connectionFound() {
  retry = null;
  document.getElementById("connection").hidden = true;
}

function retryOf(context) {
  const { sourceElement, request } = context;
  if (sourceElement.matches("form")) return () => sourceElement.requestSubmit(request.submitter ?? undefined);
  return () => htmx.trigger(sourceElement, "click");
}

// A poll that fails shows the banner too, but only what a person sent is worth sending again.
const isPoll = (context) => context.request.method === "GET";

document.addEventListener("htmx:error", ({ detail }) => {
  if (detail.ctx?.request) connectionLost(isPoll(detail.ctx) ? () => {} : retryOf(detail.ctx));
});
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  if (ctx.response.status >= 500) connectionLost(isPoll(ctx) ? () => {} : retryOf(ctx));
});
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.response.status < 500) connectionFound();
});
window.addEventListener("offline", () => connectionLost());
window.addEventListener("online", () => retry?.());

// --- Toasts -----------------------------------------------------------------------------------------------
const TOAST_SECONDS = 8;

// Nobody loses a toast that is being read or whose button has the focus: the time starts anew afterwards.
function expire(element) {
  let timer = null;
  const hold = () => clearTimeout(timer);
  const run = () => {
    hold();
    if (!element.matches(":hover, :focus-within")) timer = setTimeout(() => element.remove(), TOAST_SECONDS * 1000);
  };
  for (const name of ["pointerenter", "focusin"]) element.addEventListener(name, hold);
  for (const name of ["pointerleave", "focusout"]) element.addEventListener(name, run);
  run();
}

export function toast(text, { action, run } = {}) {
  const element = document.createElement("div");
  element.className = "toast";
  element.append(text);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-small";
    button.textContent = action;
    button.addEventListener("click", () => { element.remove(); run(); });
    element.append(button);
  }
  document.getElementById("toasts").append(element);
  expire(element);
  return element;
}

function startToasts() {
  for (const element of document.querySelectorAll("[data-toast]:not([data-started])")) {
    element.dataset.started = "";
    // An error stays until it is closed.
    if (!element.classList.contains("toast-error")) expire(element);
  }
}

// --- The theme --------------------------------------------------------------------------------------------
function chooseTheme(theme) {
  const year = 365 * 24 * 3600;
  document.cookie = `theme=${theme}; path=/; max-age=${year}; samesite=lax`;
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  showTheme();
  document.dispatchEvent(new CustomEvent("annotera:theme"));
}

function showTheme() {
  const current = root.dataset.theme ?? "system";
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === current));
  }
}

// --- Clicks -----------------------------------------------------------------------------------------------
async function copyFrom(button) {
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
  const before = button.textContent;
  button.textContent = button.dataset.copied ?? "✓";
  setTimeout(() => { button.textContent = before; }, 2000);
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("button, a");
  if (!target) return;
  if (target.matches("[data-retry]")) retry?.();
  if (target.matches("[data-dismiss]")) target.closest(".toast, .notice").remove();
  if (target.matches("[data-theme-choice]")) chooseTheme(target.dataset.themeChoice);
  if (target.matches("[data-open-palette]") && isPlain(event)) openPalette(event);
  if (target.matches("[data-open-dialog]")) document.getElementById(target.dataset.openDialog).showModal();
  if (target.matches("[data-copy]")) copyFrom(target);
});

// A click that asks for a new tab or window is the browser's.
const isPlain = (event) => !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);

// --- The command palette ----------------------------------------------------------------------------------
async function openPalette(event) {
  const dialog = document.getElementById("palette");
  if (!dialog) return;
  event.preventDefault();
  document.getElementById("site-menu")?.hidePopover();
  const { togglePalette } = await import("./palette.js");
  togglePalette(dialog, { chooseTheme });
}

// A form that asks first: <form data-confirm="Really?">.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, true);

// A form without htmx leaves the page; a second click meanwhile would do the deed twice. A download stays on the
// page, so the form is free again after a moment.
const SENDING_MS = 3000;
const sending = new WeakSet();
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (sending.has(form)) event.preventDefault();
  sending.add(form);
  setTimeout(() => sending.delete(form), SENDING_MS);
});

// --- Keys -------------------------------------------------------------------------------------------------
const shortcuts = new Map();
const onePress = new Set();
const TEXT_FIELDS = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=button])";

export const singleKeysAllowed = () => root.hasAttribute("data-single-keys");
export const inTextField = (element) => Boolean(element?.closest?.(TEXT_FIELDS));

// Names are like "g", "?", "ctrl+enter". `run` returns false when the key was not for it.
export function shortcut(name, run) {
  shortcuts.set(name, run);
  onePress.delete(name);
}

// For keys that send: one that is held down repeats, also on the next page, and would send that unseen.
export function shortcutOnce(name, run) {
  shortcut(name, run);
  onePress.add(name);
}

function nameOf(event) {
  const key = event.key === " " ? "space" : event.key.toLowerCase();
  return (event.ctrlKey || event.metaKey ? "ctrl+" : "") + (event.altKey ? "alt+" : "") + key;
}

function isForShortcuts(event, name) {
  if (event.defaultPrevented || event.isComposing) return false;
  if (document.querySelector("dialog:modal")) return false;
  if (name.startsWith("ctrl+")) return true;
  return singleKeysAllowed() && !event.altKey && !inTextField(event.target);
}

document.addEventListener("keydown", (event) => {
  const name = nameOf(event);
  const run = goTo(name) ?? shortcuts.get(name);
  if (!run || !isForShortcuts(event, name)) return;
  if (event.repeat && onePress.has(name)) event.preventDefault();
  else if (run(event) !== false) event.preventDefault();
});

shortcut("?", () => document.getElementById("shortcuts").showModal());
shortcut("ctrl+k", (event) => { openPalette(event); });

// G and then a letter opens a page of the navigation. Where G means something else, that module takes it.
const SEQUENCE_MS = 1500;
let goUntil = 0;
shortcut("g", () => {
  if (!document.querySelector("[data-go]")) return false;
  goUntil = performance.now() + SEQUENCE_MS;
  return true;
});

function goTo(name) {
  if (performance.now() > goUntil || name === "g") return null;
  goUntil = 0;
  const link = document.querySelector(`[data-go="${CSS.escape(name)}"]`);
  if (link) return () => link.click();
  // A letter that leads nowhere does nothing: what it means on this page was not asked for.
  return name.length === 1 ? () => {} : null;
}

if (/Mac|iPhone|iPad/.test(navigator.platform)) {
  for (const key of document.querySelectorAll("[data-command-key]")) key.textContent = key.textContent.replace("Ctrl", "⌘");
}

document.addEventListener("htmx:after:settle", () => { startToasts(); });
startToasts();
showTheme();
// On a narrow screen the open tab may lie outside of its row.
// Only the row of tabs moves: tabs far down a page must not pull the page with them.
for (const current of document.querySelectorAll(".tabs [aria-current]")) {
  const tabs = current.closest(".tabs");
  const [own, all] = [current.getBoundingClientRect(), tabs.getBoundingClientRect()];
  tabs.scrollLeft += own.left - all.left - (all.width - own.width) / 2;
}
