// Instruction writing: the instruction as it came or mended, and the answer.
import { TaskPage, focusKey, start } from "./task.js";
import { fill } from "./wording.js";

class WritingPage extends TaskPage {
  constructor(task) {
    super(task);
    this.original = task.querySelector("[data-original]");
    this.begin();
  }

  readFields() {
    const { prompt, completion } = this.form.elements;
    this.original.hidden = prompt.value.trim() === this.#came.trim();
    const count = completion.value.trim().split(/\s+/).filter(Boolean).length;
    this.announce(count ? fill(this.words.count, { count }) : "");
  }

  get #came() {
    return this.original.querySelector("pre").textContent;
  }

  missing() {
    const { prompt, completion } = this.form.elements;
    if (!prompt.value.trim()) return this.words.noPrompt;
    return completion.value.trim() ? "" : this.words.empty;
  }

  clicked(button) {
    if (!button.matches("[data-restore]")) return;
    const { prompt } = this.form.elements;
    prompt.value = this.#came;
    this.fieldsChanged();
    prompt.focus();
  }
}

focusKey("a", "#completion");
focusKey("i", "#prompt");
start((task) => new WritingPage(task));
