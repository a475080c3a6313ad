// The form of a new run: one sentence says what will be trained from what, as it is chosen.
import { fill } from "./wording.js";

const form = document.getElementById("run-form");
const place = form?.querySelector("[data-sentence]");
const PARTS = { data: "dataset_version", base: "base_model", reward: "reward_model" };

function tell() {
  const words = {};
  for (const [part, name] of Object.entries(PARTS)) words[part] = form.elements[name]?.selectedOptions[0]?.textContent ?? "–";
  place.textContent = fill(place.dataset.sentence, words);
}

if (place) {
  form.addEventListener("change", tell);
  tell();
}
