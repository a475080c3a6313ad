// The styleguide: contrast as the browser paints it now, and a toast to look at.
import { toast } from "./app.js";

const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

// Any colour that CSS can say, as sRGB channels from 0 to 1.
function channels(colour) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((value) => value / 255);
}

// WCAG 2.2, relative luminance and contrast ratio.
const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

function luminance(colour) {
  const [red, green, blue] = channels(colour).map(linear);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function measure() {
  for (const row of document.querySelectorAll("[data-needs]")) {
    const { color, backgroundColor } = getComputedStyle(row.querySelector("[data-pair]"));
    const ratio = contrast(color, backgroundColor);
    const enough = ratio >= Number(row.dataset.needs);
    row.querySelector("[data-ratio]").textContent = ratio.toFixed(2);
    row.querySelector("[data-verdict]").textContent = enough ? row.dataset.pass : row.dataset.fail;
    row.querySelector("[data-verdict]").dataset.state = enough ? "good" : "bad";
  }
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-toast-words]");
  if (!button) return;
  const { toastWords, toastUndo, toastUndone } = button.dataset;
  toast(toastWords, { action: toastUndo, run: () => toast(toastUndone) });
});
document.addEventListener("annotera:theme", measure);
for (const question of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"]) {
  matchMedia(question).addEventListener("change", measure);
}
measure();
