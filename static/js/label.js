// Classification: labels by key, by click, by the browser's own arrows, and by their letters where there are many.
import { TaskPage, focusKey, start } from "./task.js";
import { fill } from "./wording.js";

class LabellingPage extends TaskPage {
  constructor(task) {
    super(task);
    this.choices = [...task.querySelectorAll("[data-labels] input[name]")];
    this.search = task.querySelector("#label-find");
    this.search?.addEventListener("input", () => this.#find());
    this.search?.addEventListener("keydown", (event) => this.#searched(event));
    this.begin();
  }

  // --- Finding --------------------------------------------------------------------------------------------
  #find() {
    const wanted = this.search.value.trim().toLowerCase();
    for (const choice of this.choices) {
      choice.closest("label").hidden = !choice.value.toLowerCase().includes(wanted);
    }
    this.task.querySelector("[data-no-label]").hidden = this.#found.length > 0;
  }

  get #found() {
    return this.choices.filter((choice) => !choice.closest("label").hidden);
  }

  // Enter chooses the first that is left, and Enter again sends nothing: the field is left for that.
  #searched(event) {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    if (event.ctrlKey || event.metaKey || event.isComposing) return;
    event.preventDefault();
    const [first] = this.#found;
    const choose = event.key === "Enter" && this.search.value.trim();
    if (choose && !first) return;
    this.search.value = "";
    this.#find();
    this.task.querySelector("#task-title").focus({ preventScroll: true });
    if (!choose) return;
    // Found again, a label stays chosen.
    first.checked = true;
    this.fieldsChanged();
  }

  get #chosen() {
    return this.choices.filter((choice) => choice.checked);
  }

  missing() {
    return this.#chosen.length ? "" : this.words.empty;
  }

  // Pressed again, a key takes its label back; 0 takes all of them back.
  digit(number) {
    const choice = this.choices[number - 1];
    if (this.closed || (number > 0 && !choice)) return false;
    if (choice) {
      this.#choose(choice);
      return true;
    }
    for (const one of this.choices) one.checked = false;
    this.fieldsChanged();
    return true;
  }

  #choose(choice) {
    choice.checked = !choice.checked;
    this.fieldsChanged();
  }

  // Also by click and by the browser's arrows, the line below says what is chosen.
  readFields() {
    const labels = this.#chosen.map((one) => one.value).join(", ");
    const before = this.task.querySelector("[data-announce]").textContent;
    if (labels || before) this.announce(labels ? fill(this.words.chosen, { labels }) : this.words.none);
  }
}

focusKey("/", "#label-find");
start((task) => new LabellingPage(task));
