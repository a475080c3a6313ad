// The API reference: a filter over its operations; on a narrow screen the groups stand folded.
import { fill } from "./wording.js";

const page = document.querySelector("[data-reference]");
const field = page.querySelector("[data-filter]");
const said = page.querySelector("[data-said]");
const groups = [...page.querySelectorAll(".reference-group")].map((group) => ({
  group,
  operations: [...group.querySelectorAll(".operation")].map((operation) => ({
    operation, words: operation.querySelector("summary").textContent.toLowerCase(),
  })),
}));
const isNarrow = matchMedia("(max-width: 60rem)").matches;
const isAsked = (group) => `#${group.id}` === location.hash;

function show() {
  const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let [shown, all] = [0, 0];
  for (const { group, operations } of groups) {
    let here = 0;
    for (const { operation, words } of operations) {
      operation.hidden = !wanted.every((word) => words.includes(word));
      here += operation.hidden ? 0 : 1;
    }
    group.hidden = here === 0;
    group.open = wanted.length > 0 || !isNarrow || isAsked(group);
    [shown, all] = [shown + here, all + operations.length];
  }
  page.toggleAttribute("data-filtered", wanted.length > 0);
  page.querySelector("[data-nothing]").hidden = shown > 0;
  said.textContent = wanted.length ? fill(said.dataset.sentence, { shown, all }) : "";
}

field.addEventListener("input", show);
addEventListener("hashchange", () => {
  for (const { group } of groups) if (isAsked(group)) group.open = true;
});
show();
