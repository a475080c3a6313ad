// The same figure of several runs in one chart: a colour for each run, by step.
import { Charts, bindZoom, boundZoom, showZoom } from "./chart.js";

// As many charts stand open; the others are folded behind them.
const MOST_OPEN = 8;

const keyOf = (index, name) => `${index}:${name}`;

async function read(address, view) {
  const url = new URL(address, location.href);
  for (const [name, value] of Object.entries(view ?? {})) url.searchParams.set(name, value);
  const response = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
  return response?.ok ? response.json() : null;
}

// One chart a figure, those first that most of the runs have measured.
function specsOf(answers, names) {
  const labels = new Map();
  for (const answer of answers) {
    for (const { title, series, isLesser } of answer?.charts ?? []) {
      for (const { name, label, guide } of series) if (!guide) labels.set(name, { title, label, isAlone: series.length === 1, isLesser });
    }
  }
  const measuredBy = (figure) => answers.filter((answer) => answer?.series[figure]).length;
  const specs = [...labels].map(([figure, { title, label, isAlone, isLesser }]) => ({
    title: isAlone || title.toLowerCase() === label.toLowerCase() ? title : `${title}: ${label}`, figure, isLesser, isOfSeveral: true, runs: measuredBy(figure),
    series: names.map((name, index) => ({ name: keyOf(index, figure), label: name, colour: index })),
  })).sort((one, other) => other.runs - one.runs);
  // What one run alone has measured compares nothing, where others compare something.
  const isCompared = (specs[0]?.runs ?? 0) > 1;
  // Neither does a figure that each measured once: it stands among the final figures.
  const longest = ({ figure }) => Math.max(...answers.map((answer) => answer?.series[figure]?.steps.length ?? 0));
  const lesser = new Set(isCompared ? specs.filter((spec) => spec.isLesser || spec.runs < 2 || longest(spec) < 2) : []);
  for (const spec of specs.filter((each) => !lesser.has(each)).slice(MOST_OPEN)) lesser.add(spec);
  return lesser.size === specs.length ? specs : specs.map((spec) => ({ ...spec, isLesser: lesser.has(spec) }));
}

function pointsOf(answers) {
  const points = {};
  answers.forEach((answer, index) => {
    for (const [name, line] of Object.entries(answer?.series ?? {})) points[keyOf(index, name)] = line;
  });
  return points;
}

class ComparedCharts {
  constructor(section) {
    const { tableWord: table, stepWord: step, rowsSentence: rows, moreSentence: more } = section.dataset;
    this.section = section;
    this.runs = [...section.querySelectorAll("[data-run]")];
    this.form = section.querySelector("[data-zoom]");
    this.said = section.querySelector("[data-said]");
    this.charts = new Charts(section.querySelector("[data-charts]"), {
      words: { table, step, rows, more }, zoomed: (view) => this.#look(view),
    });
    bindZoom(this.form, this.charts);
    this.#start();
  }

  #readAll(view) {
    return Promise.all(this.runs.map((run) => read(run.dataset.metricsUrl, view)));
  }

  async #start() {
    this.answers = await this.#readAll();
    this.specs = specsOf(this.answers, this.runs.map((run) => run.dataset.run));
    this.#show(this.answers);
    boundZoom(this.form, pointsOf(this.answers));
    if (this.answers.includes(null)) this.said.textContent = this.section.dataset.failed;
    else if (this.specs.length === 0) this.said.textContent = this.section.dataset.nothing;
  }

  #show(answers) {
    this.charts.show(this.specs, pointsOf(answers));
    this.section.dataset.drawn = String(this.charts.charts.size);
    for (const place of this.section.querySelectorAll("[data-hint], [data-zoom]")) place.hidden = this.charts.charts.size === 0;
  }

  async #look(view) {
    showZoom(this.form, view);
    const asked = this.asked = {};
    if (!view) return this.#show(this.answers);
    if (this.answers.every((answer) => answer?.kept === "all")) return undefined;
    const closer = await this.#readAll(view);
    if (this.asked !== asked) return undefined;
    // A line whose closer points cannot be read stays as it was.
    this.said.textContent = closer.includes(null) ? this.section.dataset.failed : "";
    return this.#show(closer.map((answer, index) => answer ?? this.answers[index]));
  }
}

for (const section of document.querySelectorAll("[data-compare-charts]")) new ComparedCharts(section);
