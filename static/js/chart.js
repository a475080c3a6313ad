// Charts by step: drawn by uPlot, each with its table behind, zoomed together, in the colours of the theme.
//
// new Charts(place, options) holds several; `spec` of one is { title, series: [{ name, label, guide }] }, and
// its points come as { name: { steps, values } }, each figure with its own steps. Usable without Charts too:
//     const chart = new Chart(spec); place.append(chart.root); chart.show(points);
import uPlot from "../vendor/uplot.esm.js";
import { fill } from "./wording.js";

export const COLOURS = ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5"];
const TABLE_ROWS = 200;
const HEIGHT = 208;
// Steps are counted: no half of one on the axis.
const WHOLE_STEPS = [...Array(10).keys()].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
// On a narrow screen the first few stand open, the others behind a fold.
const NARROW = "(max-width: 40rem)";
const OPEN_WHERE_NARROW = 3;
const WORDS = { table: "Table", step: "step", more: "More charts ({count})", rows: "{shown} of {all} rows" };

// Canvas knows no custom properties: a probe resolves them in the theme of the moment.
function colour(name) {
  const probe = document.createElement("span");
  probe.hidden = true;
  // Where the system forces colours, lines would all be of one: only words take it.
  if (!name.startsWith("--text")) probe.style.forcedColorAdjust = "none";
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

export function figure(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

// Few points are dotted, and so is what was measured at some steps only: a line alone would hide how rarely.
function hasDots(column) {
  const measured = column.reduce((count, value) => count + (value != null), 0);
  const isKnown = (value) => value != null;
  // A run that ended early has no steps after its last one; it was not measured rarely.
  const stretch = column.findLastIndex(isKnown) - column.findIndex(isKnown) + 1;
  return measured < 40 || (measured < 120 && measured <= stretch / 2);
}

const lastOf = (column) => column?.findLast((value) => value != null);

const element = (tag, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
};

// One column of all steps, and one for each line with gaps where it has no point.
export function joined(lines) {
  const [first] = lines;
  const isSame = (line) => line === first || (line.steps.length === first.steps.length
    && line.steps.every((step, index) => step === first.steps[index]));
  if (lines.every(isSame)) return [first?.steps ?? [], ...lines.map((line) => line.values)];
  const steps = [...new Set(lines.flatMap((line) => line.steps))].sort((one, other) => one - other);
  const places = new Map(steps.map((step, index) => [step, index]));
  const columns = lines.map((line) => {
    const column = new Array(steps.length).fill(null);
    line.steps.forEach((step, index) => { column[places.get(step)] = line.values[index]; });
    return column;
  });
  return [steps, ...columns];
}

const NOTHING = { steps: [], values: [] };

export class Chart {
  #view = null;

  constructor(spec, { words = {}, group = "charts", zoom, reset } = {}) {
    this.spec = spec;
    this.words = { ...WORDS, ...words };
    this.asks = { group, zoom, reset };
    this.plotPlace = element("div", { className: "plot" });
    this.plotPlace.setAttribute("role", "img");
    this.table = element("table", { className: "table" });
    this.rows = element("p", { className: "tiny muted" });
    const scroller = element("div", { className: "table-scroll", tabIndex: 0 }, this.table);
    scroller.setAttribute("role", "region");
    scroller.setAttribute("aria-label", spec.title);
    this.details = element("details", {}, element("summary", { textContent: this.words.table }), scroller, this.rows);
    this.latest = element("span", { className: "muted small" });
    this.root = element("figure", { className: "chart" },
      element("figcaption", {}, element("span", { textContent: spec.title }), this.latest),
      this.plotPlace, this.details);
    this.details.addEventListener("toggle", () => this.#fillTable());
    this.data = [[]];
    this.sizes = new ResizeObserver(() => this.plot?.setSize(this.#size()));
    this.sizes.observe(this.plotPlace);
  }

  // `points`: { name: { steps, values } }; `view`: { from, to } or null for everything.
  show(points, view = null) {
    this.#view = view;
    this.data = joined(this.spec.series.map(({ name }) => points[name] ?? NOTHING));
    if (this.plot) this.plot.setData(this.data);
    else if (this.root.isConnected) this.draw();
    this.#describe();
    if (this.details.open) this.#fillTable();
  }

  // At once, with the points that are here: closer ones may follow.
  look(view) {
    this.#view = view;
    this.plot?.setData(this.data);
    if (this.details.open) this.#fillTable();
  }

  draw() {
    this.plot?.destroy();
    this.plot = new uPlot(this.#options(), this.data, this.plotPlace);
    // The legend shrinks when its style sheet arrives after the first drawing; the plot then takes the room.
    this.sizes.observe(this.plotPlace.querySelector(".u-legend"));
  }

  destroy() {
    this.sizes.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  #size() {
    const legend = this.plotPlace.querySelector(".u-legend")?.offsetHeight ?? 24;
    return { width: Math.max(this.plotPlace.clientWidth, 120), height: HEIGHT - legend };
  }

  #options() {
    const [text, line] = [colour("--text-muted"), colour("--line")];
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const axis = {
      stroke: text, font, grid: { stroke: line, width: 1 }, ticks: { show: false }, border: { show: false },
    };
    const steps = { label: this.words.step, value: (plot, value) => figure(value ?? lastOf(plot.data[0])) };
    return {
      ...this.#size(), series: [steps, ...this.#lines(text)], padding: [10, 24, 0, 0],
      scales: { x: { time: false, range: (plot, least, most) => this.#range(least, most) } },
      axes: [{ ...axis, size: 28, incrs: WHOLE_STEPS }, { ...axis, size: 48, values: (plot, values) => values.map(figure) }],
      cursor: this.#cursor(), legend: { live: true }, hooks: { setSelect: [(plot) => this.#select(plot)] },
    };
  }

  #lines(text) {
    return this.spec.series.map(({ label, guide, dashed, colour: given }, index) => ({
      label, stroke: guide ? text : colour(COLOURS[(given ?? index) % COLOURS.length]), width: guide ? 1 : 1.75, spanGaps: true,
      dash: guide || dashed ? [5, 4] : undefined,
      points: { show: (plot, number) => !guide && hasDots(plot.data[number]), size: this.#dotSize(index + 1) },
      value: (plot, value, number) => figure(value ?? lastOf(plot.data[number])),
    }));
  }

  // What was measured once or twice has no line that leads the eye to it.
  #dotSize(number) {
    return this.data[number]?.filter((value) => value != null).length < 3 ? 9 : 5;
  }

  #cursor() {
    const drag = { x: Boolean(this.asks.zoom), y: false, setScale: false };
    // A double click shows everything again.
    const bind = { dblclick: () => () => { this.asks.reset?.(); } };
    // The others show the same step; a stretch is chosen in one, and then shown by all.
    const pub = (type) => type === "mousemove" || type === "mouseleave";
    return { points: { size: 6 }, sync: { key: this.asks.group, filters: { pub } }, drag, bind };
  }

  #range(least, most) {
    if (this.#view) return [this.#view.from, this.#view.to];
    return least === most ? [least - 1, most + 1] : [least, most];
  }

  #select(plot) {
    const { left, width } = plot.select;
    if (width < 4 || !this.asks.zoom) return;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    const [from, to] = [left, left + width].map((place) => Math.max(0, Math.round(plot.posToVal(place, "x"))));
    if (to > from) this.asks.zoom({ from, to });
  }

  #describe() {
    const last = this.data.slice(1).map(lastOf);
    const parts = this.spec.series.map(({ label }, index) => `${label} ${figure(last[index])}`);
    // Of lines of several runs none stands for the chart.
    this.latest.textContent = this.spec.isOfSeveral ? "" : figure(last[0]);
    this.plotPlace.setAttribute("aria-label", `${this.spec.title}: ${parts.join(", ")}`);
  }

  #fillTable() {
    const [steps, ...columns] = this.data;
    const { from, to } = this.#view ?? { from: -Infinity, to: Infinity };
    const inView = steps.map((_, index) => index).filter((index) => steps[index] >= from && steps[index] <= to);
    const shown = inView.slice(-TABLE_ROWS).reverse();
    const cell = (tag, text) => element(tag, { textContent: text, className: "number" });
    const head = element("tr", {}, cell("th", this.words.step), ...this.spec.series.map(({ label }) => cell("th", label)));
    const rows = shown.map((index) => element("tr", {},
      cell("td", String(steps[index])), ...columns.map((column) => cell("td", figure(column[index])))));
    this.table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows));
    this.rows.textContent = inView.length > shown.length
      ? fill(this.words.rows, { shown: shown.length, all: inView.length.toLocaleString() }) : "";
  }
}

// Several charts of the same steps: one zoom, one theme.
export class Charts {
  constructor(place, { words, zoomed } = {}) {
    this.place = place;
    this.words = { ...WORDS, ...words };
    this.zoomed = zoomed ?? (() => {});
    this.charts = new Map();
    this.view = null;
    place.classList.add("chart-grid");
    document.addEventListener("annotera:theme", () => this.redraw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  redraw() {
    for (const chart of this.charts.values()) chart.draw();
  }

  // Each spec's chart; a figure that was never measured has no place in a legend.
  show(specs, points) {
    const began = performance.now();
    const isFirst = this.charts.size === 0;
    // Nobody folds a single chart away.
    this.open = specs.length === OPEN_WHERE_NARROW + 1 ? specs.length : OPEN_WHERE_NARROW;
    for (const spec of specs) this.#place({ ...spec, series: spec.series.filter(({ name }) => points[name]?.steps.length) });
    for (const chart of this.charts.values()) chart.show(points, this.view);
    // uPlot draws in a microtask of its own, which is before this one.
    queueMicrotask(() => performance.measure(isFirst ? "charts:first" : "charts:update", { start: began }));
  }

  #place(spec) {
    if (!spec.series.some(({ guide }) => !guide)) return;
    const known = this.charts.get(spec.title);
    if (known && known.spec.series.length === spec.series.length) return;
    const chart = new Chart(spec, { words: this.words, zoom: (view) => this.look(view), reset: () => this.look(null) });
    if (known) {
      known.root.replaceWith(chart.root);
      known.destroy();
    } else this.#homeOf(spec).append(chart.root);
    this.charts.set(spec.title, chart);
  }

  // `isLesser` in a spec: the chart says little beside the others.
  #homeOf({ isLesser }) {
    if (!isLesser && !(matchMedia(NARROW).matches && this.place.childElementCount >= this.open)) return this.place;
    if (!this.fold) {
      this.fold = element("details", { className: "more-charts" },
        element("summary"), element("div", { className: "chart-grid" }));
      this.place.after(this.fold);
    }
    const [summary, grid] = this.fold.children;
    summary.textContent = fill(this.words.more, { count: grid.childElementCount + 1 });
    return grid;
  }

  look(view) {
    this.view = view;
    for (const chart of this.charts.values()) chart.look(view);
    this.zoomed(view);
  }
}

// The same zoom without a pointer: a form with the fields `from` and `to`, whose reset shows everything again.
export function bindZoom(form, charts) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    // An end that is not given is that of the run, which the empty field names.
    const [from, to] = ["from", "to"].map((name) => Number(form.elements[name].value || form.elements[name].placeholder));
    if (to > from) charts.look({ from, to });
  });
  form.addEventListener("reset", () => charts.look(null));
}

export function showZoom(form, view) {
  for (const name of ["from", "to"]) form.elements[name].value = view?.[name] ?? "";
  form.querySelector("[type=reset]").hidden = !view;
}

// The empty fields of the form name the first and the last step.
export function boundZoom(form, points) {
  const lines = Object.values(points).filter(({ steps }) => steps.length);
  if (!lines.length) return;
  form.elements.from.placeholder = Math.min(...lines.map(({ steps }) => steps[0]));
  form.elements.to.placeholder = Math.max(...lines.map(({ steps }) => steps.at(-1)));
}

// Adds what came since to what is here.
export function appended(points, more) {
  for (const [name, line] of Object.entries(more)) {
    const known = points[name];
    if (!known) points[name] = { steps: [...line.steps], values: [...line.values] };
    else {
      known.steps.push(...line.steps);
      known.values.push(...line.values);
    }
  }
}
