// Classification: labels by key, by click, by the browser's own arrows.
import { TaskPage, start } from "./task.js";
import { fill } from "./wording.js";

class LabellingPage extends TaskPage {
  constructor(task) {
    super(task);
    this.choices = [...task.querySelectorAll("[data-labels] input")];
    this.begin();
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
    if (choice) choice.checked = !choice.checked;
    else for (const one of this.choices) one.checked = false;
    this.fieldsChanged();
    const labels = this.#chosen.map((one) => one.value).join(", ");
    this.announce(labels ? fill(this.words.chosen, { labels }) : this.words.none);
    return true;
  }
}

start((task) => new LabellingPage(task));
