// The review queue and the review page by keyboard. Every key presses a button or a link that is on the page, so all of it works without.
import { inTextField, shortcut, shortcutOnce } from "./app.js";

const review = document.querySelector("[data-review]");
const form = document.getElementById("decide");
const comment = form?.querySelector("textarea[name=comment]");
const hint = form?.querySelector("[data-hint]");
const fields = [...document.querySelectorAll("[data-fix]")];

const button = (decision) => form?.querySelector(`button[value="${decision}"]`);
const valueOf = (field) => (field.matches("[type=radio], [type=checkbox]") ? String(field.checked) : field.value);
const asServed = (field) => {
  if (field.matches("[type=radio], [type=checkbox]")) return String(field.defaultChecked);
  if (!field.matches("select")) return field.defaultValue;
  const served = [...field.options].find((option) => option.defaultSelected);
  return served ? served.value : "";
};
// What a refusal brought back was changed by the reviewer before: then the fields need no second change.
const isChanged = () => Boolean(document.getElementById("refusal")) || fields.some((field) => valueOf(field) !== asServed(field));

function say(sentence) {
  hint.textContent = sentence;
  hint.hidden = !sentence;
}

function send(decision) {
  const pressed = button(decision);
  if (!pressed) return false;
  form.requestSubmit(pressed);
  return true;
}

function openFix() {
  const place = document.getElementById("fix");
  if (place?.matches("details")) place.open = true;
  const first = document.querySelector("[data-first-field]") ?? fields.find((field) => field.checked) ?? fields[0];
  say(form.dataset.fixFirst);
  first?.focus();
}

function askForComment() {
  say(form.dataset.sayFirst);
  comment.focus();
}

// Both need something first; the page says what, and puts the focus there.
const needs = {
  fix: () => isChanged() || openFix(),
  send_back: () => Boolean(comment.value.trim()) || askForComment(),
};

form?.addEventListener("submit", (event) => {
  const decision = event.submitter?.value;
  if (!(decision in needs) || needs[decision]()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && inTextField(event.target)) event.target.blur();
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat) return;
  if (event.target === comment) send("send_back");
  else if (fields.includes(event.target)) send("fix");
});

function follow(step) {
  const link = document.querySelector(`[data-step="${step}"]`);
  link?.click();
  return Boolean(link);
}

function goTo(id) {
  const place = document.getElementById(id);
  if (!place) return false;
  const details = place.querySelector("details:not([open])");
  if (!place.querySelector("details[open]") && details) details.open = true;
  place.scrollIntoView({ block: "start" });
  place.focus({ preventScroll: true });
  return true;
}

if (review) {
  shortcutOnce("a", () => send("accept"));
  shortcutOnce("f", () => send("fix"));
  shortcutOnce("r", () => send("send_back"));
  shortcutOnce("x", () => send("reject"));
  shortcut("c", () => (comment ? (comment.focus(), true) : false));
  shortcut("d", () => goTo("differences"));
  document.getElementById("refusal")?.focus();
  review.dataset.ready = "";
}
shortcut("n", () => follow("after"));
shortcut("j", () => follow("after"));
shortcut("k", () => follow("before"));
shortcutOnce("u", () => {
  const undo = document.querySelector("[data-undo]");
  undo?.click();
  return Boolean(undo);
});
