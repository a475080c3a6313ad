// How the answers stand on the page: beside or below each other, in full or scrolling together. Kept on this device.
import { keep, kept } from "./task-keeping.js";

const KEYS = { stacked: "annotera:stacked", linked: "annotera:linked" };
const LINE = 64;
const SIGNS_OF_LEADING = ["wheel", "pointerdown", "touchstart", "focusin"];

export class View {
  constructor(task) {
    this.task = task;
    this.texts = [...task.querySelectorAll(".candidate-text")];
    this.leader = null;
    for (const text of this.texts) {
      for (const name of SIGNS_OF_LEADING) text.addEventListener(name, () => { this.leader = text; }, { passive: true });
      text.addEventListener("scroll", () => this.#follow(text), { passive: true });
    }
    for (const name of Object.keys(KEYS)) this.#set(name, kept(KEYS[name]) === "1");
  }

  // Whether it is on now.
  toggle(name) {
    const on = !this.task.classList.contains(`is-${name}`);
    keep(KEYS[name], on ? "1" : "0");
    this.#set(name, on);
    return on;
  }

  #set(name, on) {
    this.task.classList.toggle(`is-${name}`, on);
    this.task.querySelector(`[data-view="${name}"]`)?.setAttribute("aria-pressed", String(on));
    if (name !== "linked") return;
    for (const text of this.texts) {
      // What scrolls must be reachable without a pointer.
      if (on) text.tabIndex = 0;
      else text.removeAttribute("tabindex");
    }
  }

  // The other texts stand at the same share of their length: answers are of unequal length.
  #follow(text) {
    if (text !== this.leader || !this.task.classList.contains("is-linked")) return;
    const share = text.scrollTop / Math.max(1, text.scrollHeight - text.clientHeight);
    for (const other of this.texts) {
      if (other !== text) other.scrollTop = share * (other.scrollHeight - other.clientHeight);
    }
  }

  // By keys, from the card that is active; false where nothing scrolls of its own.
  scroll(index, { lines = 0, pages = 0 }) {
    const text = this.texts[index];
    if (!this.task.classList.contains("is-linked") || text.scrollHeight <= text.clientHeight) return false;
    this.leader = text;
    text.scrollTop += lines * LINE + pages * 0.9 * text.clientHeight;
    return true;
  }
}
