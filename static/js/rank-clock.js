// Working time and the lease: time counts while the tab is visible and in use, and only then is the lease kept.
const IDLE_MS = 30_000;
const TICK_MS = 1000;
const SIGNS_OF_LIFE = ["keydown", "pointerdown", "pointermove", "wheel", "touchstart", "scroll"];

let lastSign = performance.now();
for (const name of SIGNS_OF_LIFE) {
  document.addEventListener(name, () => { lastSign = performance.now(); }, { passive: true, capture: true });
}

const minutesAndSeconds = (milliseconds) => {
  const seconds = Math.floor(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};

export class Clock {
  constructor(task, { onLease }) {
    this.task = task;
    this.onLease = onLease;
    this.field = task.querySelector("#answer").elements.active_ms;
    this.display = task.querySelector("[data-active-clock]");
    this.active = Number(this.field.value) || 0;
    // The two machines' clocks may differ: what counts is the distance that the server stated.
    this.skew = Date.parse(task.dataset.now) - Date.now();
    this.leaseUntil = Date.parse(task.dataset.leaseUntil);
    this.beatEvery = (Number(task.dataset.leaseSeconds) * 1000) / 4;
    this.lastBeat = performance.now();
    this.lastTick = performance.now();
    this.timer = setInterval(() => this.#tick(), TICK_MS);
    this.#show();
  }

  stop() {
    clearInterval(this.timer);
  }

  get #leaseLeft() {
    return this.leaseUntil - (Date.now() + this.skew);
  }

  #tick() {
    if (!this.task.isConnected) {
      this.stop();
      return;
    }
    const now = performance.now();
    const inUse = document.visibilityState === "visible" && now - lastSign < IDLE_MS;
    // A sleeping machine wakes with one long tick, which was no work.
    if (inUse) this.active += Math.min(now - this.lastTick, 2 * TICK_MS);
    this.lastTick = now;
    this.field.value = String(Math.round(this.active));
    if (now - this.lastBeat >= this.beatEvery && now - lastSign < this.beatEvery) this.#beat();
    this.#show();
  }

  #show() {
    if (this.display) this.display.textContent = minutesAndSeconds(this.active);
    if (!Number.isNaN(this.leaseUntil)) this.onLease(this.#leaseLeft);
  }

  async #beat() {
    this.lastBeat = performance.now();
    if (this.task.dataset.mode !== "answer" || document.visibilityState !== "visible") return;
    const token = this.task.querySelector("#answer").elements.csrfmiddlewaretoken.value;
    const headers = { Accept: "application/json", "X-CSRFToken": token };
    // A beat that gets lost is made up by the next one; the draft is what tells of a dead server.
    const answer = await fetch(this.task.dataset.extendUrl, { method: "POST", headers }).catch(() => null);
    if (answer?.ok) this.leaseUntil = Date.parse((await answer.json()).lease_until);
    else if (answer?.status === 409) this.onLease(0);
  }
}
