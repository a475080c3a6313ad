// The run page: charts that follow a run, each with its table behind, and a log that stays at its end.
import uPlot from "../vendor/uplot.esm.js";

const POLL_MS = 2000;
const FAILED_POLL_MS = 6000;
const COLOURS = ["--chart-1", "--chart-2", "--chart-3", "--chart-4"];
const TABLE_ROWS = 200;
const HEIGHT = 208;
// Steps are counted: no half of one on the axis.
const WHOLE_STEPS = [...Array(10).keys()].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));

// Canvas knows no custom properties: a probe resolves them in the theme of the moment.
function colour(name) {
  const probe = document.createElement("span");
  probe.hidden = true;
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
  const measured = column.filter((value) => value != null).length;
  return measured < 40 || (measured < 120 && measured <= column.length / 2);
}

const lastOf = (column) => column.findLast((value) => value !== null);

const element = (tag, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
};

class Chart {
  constructor(spec, words) {
    this.spec = spec;
    this.plotPlace = element("div", { className: "plot" });
    this.plotPlace.setAttribute("role", "img");
    this.table = element("table", { className: "table" });
    this.details = element("details", {}, element("summary", { textContent: words.table }),
      element("div", { className: "table-scroll", tabIndex: 0 }, this.table));
    this.latest = element("span", { className: "muted small" });
    this.root = element("figure", { className: "chart" },
      element("figcaption", {}, element("span", { textContent: spec.title }), this.latest),
      this.plotPlace, this.details);
    this.details.addEventListener("toggle", () => this.#fillTable());
    this.steps = [];
    this.columns = [];
    this.sizes = new ResizeObserver(() => this.plot?.setSize(this.#size()));
    this.sizes.observe(this.plotPlace);
  }

  show(steps, series) {
    const columns = this.spec.series.map(({ name }) => series[name] ?? []);
    // Steps at which none of this chart's figures was measured would only stretch its table.
    const kept = steps.map((_, index) => index).filter((index) => columns.some((column) => column[index] != null));
    this.steps = kept.map((index) => steps[index]);
    this.columns = columns.map((column) => kept.map((index) => column[index] ?? null));
    const data = [this.steps, ...this.columns];
    if (this.plot) this.plot.setData(data);
    else if (this.root.isConnected) this.draw();
    this.#describe();
    if (this.details.open) this.#fillTable();
  }

  draw() {
    this.plot?.destroy();
    this.plot = new uPlot(this.#options(), [this.steps, ...this.columns], this.plotPlace);
    // The legend shrinks when its style sheet arrives after the first drawing; the plot then takes the room.
    this.sizes.observe(this.plotPlace.querySelector(".u-legend"));
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
    const lines = this.spec.series.map(({ label, guide }, index) => ({
      label, stroke: guide ? text : colour(COLOURS[index % COLOURS.length]), width: guide ? 1 : 1.75, spanGaps: true,
      dash: guide || index >= COLOURS.length ? [5, 4] : undefined,
      points: { show: (plot, number) => !guide && hasDots(plot.data[number]), size: 5 },
      value: (plot, value, number) => figure(value ?? lastOf(plot.data[number])),
    }));
    const steps = { label: "step", value: (plot, value) => figure(value ?? lastOf(plot.data[0])) };
    return {
      ...this.#size(), series: [steps, ...lines], scales: { x: { time: false } }, padding: [10, 10, 0, 0],
      axes: [{ ...axis, size: 28, incrs: WHOLE_STEPS }, { ...axis, size: 48, values: (plot, values) => values.map(figure) }],
      cursor: { points: { size: 6 }, sync: { key: "run" } }, legend: { live: true },
    };
  }

  #describe() {
    const last = this.columns.map(lastOf);
    const parts = this.spec.series.map(({ label }, index) => `${label} ${figure(last[index])}`);
    this.latest.textContent = figure(last[0]);
    this.plotPlace.setAttribute("aria-label", `${this.spec.title}: ${parts.join(", ")}`);
  }

  #fillTable() {
    const first = Math.max(0, this.steps.length - TABLE_ROWS);
    const cell = (tag, text) => element(tag, { textContent: text, className: "number" });
    const head = element("tr", {}, cell("th", "step"), ...this.spec.series.map(({ label }) => cell("th", label)));
    const rows = this.steps.slice(first).map((step, offset) => element("tr", {},
      cell("td", String(step)), ...this.columns.map((column) => cell("td", figure(column[first + offset])))));
    this.table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows.reverse()));
  }
}

class RunCharts {
  constructor(section) {
    this.section = section;
    this.place = section.querySelector("[data-charts]");
    this.place.classList.add("chart-grid");
    this.words = { table: section.dataset.tableWord ?? "Table" };
    this.charts = new Map();
    this.#forget();
    document.addEventListener("annotera:theme", () => this.#redraw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#redraw());
    this.poll();
  }

  #forget() {
    this.steps = [];
    this.series = {};
    this.next = -1;
  }

  #redraw() {
    for (const chart of this.charts.values()) chart.draw();
  }

  async poll() {
    const answer = document.visibilityState === "visible" ? await this.#ask() : "later";
    if (!this.section.isConnected) return;
    if (answer === null || answer === "later") setTimeout(() => this.poll(), FAILED_POLL_MS);
    else if (answer.running) setTimeout(() => this.poll(), POLL_MS);
    else this.#end();
  }

  async #ask() {
    const url = new URL(this.section.dataset.metricsUrl, location.href);
    if (this.next >= 0) url.searchParams.set("after", this.next);
    const response = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!response?.ok) return null;
    const answer = await response.json();
    if (this.attempt !== undefined && answer.attempt !== this.attempt) {
      // A restarted run measured again what it had not saved: everything is read anew.
      this.attempt = answer.attempt;
      this.#forget();
      return this.#ask();
    }
    this.attempt = answer.attempt;
    this.#add(answer);
    return answer;
  }

  #add({ steps, series, charts, next }) {
    this.next = next;
    const before = this.steps.length;
    if (steps.length === 0 && this.charts.size > 0) return;
    this.steps = this.steps.concat(steps);
    const names = new Set([...Object.keys(this.series), ...Object.keys(series)]);
    for (const name of names) {
      const old = this.series[name] ?? new Array(before).fill(null);
      this.series[name] = old.concat(series[name] ?? new Array(steps.length).fill(null));
    }
    // A figure that this run never measured has no place in a legend.
    const measured = ({ name }) => this.series[name]?.some((value) => value !== null);
    for (const { title, series: lines } of charts) this.#chart({ title, series: lines.filter(measured) });
    for (const chart of this.charts.values()) chart.show(this.steps, this.series);
  }

  #chart(spec) {
    if (spec.series.length === 0) return;
    const known = this.charts.get(spec.title);
    if (known && known.spec.series.length === spec.series.length) return;
    const chart = new Chart(spec, this.words);
    if (known) known.root.replaceWith(chart.root);
    else this.place.append(chart.root);
    this.charts.set(spec.title, chart);
  }

  // The page's own figures and the link to the model come from the server: once, when a watched run ends.
  #end() {
    const key = `annotera:ended:${this.section.dataset.metricsUrl}`;
    if (this.section.dataset.running !== "true" || sessionStorage.getItem(key)) return;
    sessionStorage.setItem(key, "1");
    location.reload();
  }
}

// A log that a person has scrolled up stays where it is; else it follows its end through every swap.
const followed = new Map();
const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 24;

function rememberLogs() {
  for (const log of document.querySelectorAll("pre.log")) followed.set(log.id, atEnd(log) ? null : log.scrollTop);
}

function placeLogs() {
  for (const log of document.querySelectorAll("pre.log")) log.scrollTop = followed.get(log.id) ?? log.scrollHeight;
}

document.addEventListener("htmx:before:swap", rememberLogs);
document.addEventListener("htmx:after:settle", placeLogs);
placeLogs();
for (const section of document.querySelectorAll("[data-run-charts]")) new RunCharts(section);
