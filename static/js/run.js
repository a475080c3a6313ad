// The run page: charts that follow a run, and where one is on the page.
import { Charts, appended, bindZoom, boundZoom, showZoom } from "./chart.js";
import "./log.js";
import { fill } from "./wording.js";

const POLL_MS = 2000;
const FAILED_POLL_MS = 6000;

const longest = (points) => Math.max(0, ...Object.values(points).map(({ steps }) => steps.length));

class RunCharts {
  constructor(section) {
    this.section = section;
    const { tableWord: table, stepWord: step, rowsSentence: rows, moreSentence: more } = section.dataset;
    this.charts = new Charts(section.querySelector("[data-charts]"), {
      words: { table, step, rows, more }, zoomed: (view) => this.#look(view),
    });
    this.said = section.querySelector("[data-said]");
    this.form = section.querySelector("[data-zoom]");
    bindZoom(this.form, this.charts);
    this.#forget();
    this.poll();
  }

  #forget() {
    this.points = {};
    this.total = 0;
    this.kept = undefined;
    this.next = -1;
    this.close = null;
  }

  async poll() {
    const answer = document.visibilityState === "visible" ? await this.#follow() : "later";
    if (!this.section.isConnected) return;
    if (answer === null || answer === "later") setTimeout(() => this.poll(), FAILED_POLL_MS);
    else if (answer.running) setTimeout(() => this.poll(), POLL_MS);
    else this.#end();
  }

  async #ask(parameters) {
    const url = new URL(this.section.dataset.metricsUrl, location.href);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    const response = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
    return response?.ok ? response.json() : null;
  }

  async #follow() {
    const answer = await this.#ask(this.next >= 0 ? { after: this.next } : {});
    if (!answer) return null;
    const isRestarted = this.attempt !== undefined && answer.attempt !== this.attempt;
    // A page that watches for days must not grow: once it has twice what is drawn, it reads everything anew, thinned.
    const isFull = this.next >= 0 && longest(this.points) + longest(answer.series) > 2 * answer.limit;
    this.attempt = answer.attempt;
    if (isRestarted || isFull) {
      // A restarted run measured again what it had not saved.
      this.#forget();
      return this.#follow();
    }
    this.#add(answer);
    return answer;
  }

  #add({ series, charts, next, total, kept }) {
    this.next = next;
    this.total += total;
    this.kept = kept === "all" ? this.kept ?? kept : kept;
    appended(this.points, series);
    if (charts.length) this.specs = merged(this.specs ?? [], charts);
    if (total > 0) this.#show();
  }

  #show() {
    this.charts.show(this.specs ?? [], this.close ?? this.points);
    this.section.dataset.drawn = String(longest(this.points));
    if (!this.close) this.#say({ points: this.points, total: this.total, kept: this.kept });
    this.form.hidden = this.total < 2;
    boundZoom(this.form, this.points);
    this.section.querySelector("[data-hint]").hidden = this.total < 2;
  }

  // What the drawing leaves out is said where it is drawn.
  #say({ points, total, kept }) {
    const shown = Math.min(longest(points), total);
    const { allSentence, extremesSentence, evenSentence } = this.section.dataset;
    const sentence = { all: allSentence, extremes: extremesSentence, even: evenSentence }[kept] ?? allSentence;
    this.said.textContent = fill(sentence, { shown: shown.toLocaleString("en"), total: total.toLocaleString("en") });
  }

  // The points that are here are shown at once; closer ones follow where some were left out.
  async #look(view) {
    this.section.toggleAttribute("data-zoomed", Boolean(view));
    const asked = this.asked = {};
    showZoom(this.form, view);
    if (!view) {
      this.close = null;
      this.#show();
      return;
    }
    if (this.kept === "all") return;
    const answer = await this.#ask(view);
    if (!answer || this.asked !== asked) return;
    this.close = answer.series;
    this.#show();
    this.#say({ points: answer.series, total: answer.total, kept: answer.kept });
  }

  // The page's own figures and the link to the model come from the server: once, when a watched run ends.
  #end() {
    const key = `annotera:ended:${this.section.dataset.metricsUrl}`;
    if (this.section.dataset.running !== "true" || sessionStorage.getItem(key)) return;
    sessionStorage.setItem(key, "1");
    location.reload();
  }
}

// Charts in the order in which the server names them; each answer names only those of its own figures.
function merged(known, more) {
  const byTitle = new Map(known.map((spec) => [spec.title, spec]));
  for (const spec of more) byTitle.set(spec.title, spec);
  return [...byTitle.values()];
}

for (const section of document.querySelectorAll("[data-run-charts]")) new RunCharts(section);

// On a narrow screen what stands beside the page on wide ones is folded.
if (matchMedia("(max-width: 40rem)").matches) for (const card of document.querySelectorAll("details[data-fold-narrow]")) card.open = false;

// --- The parts of the page ---------------------------------------------------------------------------------
const parts = [...document.querySelectorAll(".page-sections a")].map((link) => ({ link, part: document.querySelector(link.hash) }));

// The part that has passed the bar is the one being read; at the very end it is the last.
function tellPart() {
  const isEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2 && scrollY > 0;
  const read = parts.filter(({ part }) => part.getBoundingClientRect().top < innerHeight / 3);
  const current = isEnd ? parts.at(-1) : read.at(-1) ?? parts[0];
  for (const each of parts) {
    if (each === current) each.link.setAttribute("aria-current", "true");
    else each.link.removeAttribute("aria-current");
  }
}

// A part that is folded opens for who goes to it.
const unfold = (part) => { if (part?.tagName === "DETAILS") part.open = true; };

if (parts.length) {
  for (const { link, part } of parts) link.addEventListener("click", () => unfold(part));
  if (location.hash) unfold(parts.find(({ link }) => link.hash === location.hash)?.part);
  document.addEventListener("scroll", tellPart, { passive: true });
  tellPart();
}
