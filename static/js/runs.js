// The list of runs: says how many are chosen, and keeps the button for what can be compared.
import { fill } from "./wording.js";

const form = document.querySelector("[data-compare]");
const said = form?.querySelector("[data-compare-said]");

function tell() {
  const chosen = form.querySelectorAll("input[name=run]:checked").length;
  const isMany = chosen > Number(form.dataset.most);
  said.textContent = isMany ? said.dataset.many : chosen ? fill(said.dataset.some, { n: chosen }) : said.dataset.none;
  form.querySelector("button").disabled = chosen < 2 || isMany;
}

if (said) {
  form.addEventListener("change", tell);
  tell();
}
