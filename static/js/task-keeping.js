// What keeps a person's work and hold on a task: the draft, and the clock of the lease.
import { connectionFound, connectionLost } from "./app.js";

const DEBOUNCE_MS = 800;
const RETRY_MS = 5000;
const KEEP_DAYS = 14;
const PREFIX = "annotera:draft:";
// These travel with every draft but are no work of the person.
const BOOKKEEPING = new Set(["csrfmiddlewaretoken", "active_ms", "draft_version", "revision", "guideline_number"]);

// A browser may forbid its stores, or they are full: then nothing is kept on this device, and the page works on.
export function kept(key, store = "localStorage") {
  try {
    return window[store].getItem(key);
  } catch {
    return null;
  }
}

export function keep(key, value, store = "localStorage") {
  try {
    if (value === null) window[store].removeItem(key);
    else window[store].setItem(key, value);
  } catch (error) {
    console.warn("nothing is kept on this device", error);
  }
}

function keptKeys() {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}

function copyAt(key) {
  try {
    return JSON.parse(kept(key));
  } catch {
    return null;
  }
}

function entriesOf(form) {
  return [...new FormData(form)].filter(([name]) => !BOOKKEEPING.has(name));
}

export const contentOf = (form) => JSON.stringify(entriesOf(form));

// A log-in in another tab gives a new token: the cookie always has the one that counts.
export function refreshToken(form) {
  const cookie = document.cookie.split("; ").find((part) => part.startsWith("csrftoken="));
  if (cookie) form.elements.csrfmiddlewaretoken.value = cookie.slice("csrftoken=".length);
}

function writeFields(form, entries) {
  for (const field of form.elements) {
    if (!field.name || BOOKKEEPING.has(field.name)) continue;
    const values = entries.filter(([name]) => name === field.name).map(([, value]) => value);
    if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
    else if ("value" in field && field.type !== "submit") field.value = values[0] ?? "";
  }
}

export function forgetOldCopies() {
  for (const key of keptKeys().filter((name) => name.startsWith(PREFIX))) {
    if (Date.now() - (copyAt(key)?.at ?? 0) > KEEP_DAYS * 24 * 3600 * 1000) keep(key, null);
  }
}

// Nothing typed is lost: every change goes to this device at once and to the server shortly after.
// The local copy is dropped only when the server has acknowledged the same content.
export class Draft {
  constructor(task, { onState, onRestored }) {
    this.form = task.querySelector("#answer");
    this.url = task.dataset.draftUrl;
    this.key = PREFIX + task.dataset.assignment;
    this.onState = onState;
    this.onRestored = onRestored;
    this.acknowledged = contentOf(this.form);
    this.stopped = task.dataset.mode === "closed";
    // The server has the answer and takes no draft of its correction: that stays on this device until it is sent.
    this.onlyHere = task.dataset.mode === "revise";
    this.timer = null;
    this.saving = false;
    // Whether a save went out whose answer never came: the server may be one version ahead, not more, because
    // every further save would have named the version before it and been refused.
    this.unanswered = false;
  }

  get dirty() {
    return contentOf(this.form) !== this.acknowledged;
  }

  get #version() {
    return Number(this.form.elements.draft_version.value);
  }

  changed() {
    if (this.onlyHere && !this.dirty) this.forget();
    if (this.stopped || !this.dirty) return;
    this.#keepLocally();
    if (!this.onlyHere) this.#later(DEBOUNCE_MS);
  }

  #later(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), milliseconds);
  }

  #keepLocally() {
    const { unanswered } = this;
    const copy = { entries: entriesOf(this.form), version: this.#version, unanswered, at: Date.now() };
    // Where this fails the server remains, and the line says that it does not know yet.
    keep(this.key, JSON.stringify(copy));
  }

  // What an earlier visit could not bring to the server. Returns "restored", "older" or null.
  restore() {
    const copy = copyAt(this.key);
    if (!copy || this.stopped) return null;
    if (JSON.stringify(copy.entries) === this.acknowledged) {
      this.forget();
      return null;
    }
    if (this.#version > copy.version + Number(copy.unanswered)) return "older";
    // That save may still be on its way, and then comes in after this page.
    this.unanswered = copy.unanswered && this.#version === copy.version;
    this.use(copy.entries);
    return "restored";
  }

  use(entries = copyAt(this.key)?.entries ?? entriesOf(this.form)) {
    writeFields(this.form, entries);
    this.onRestored();
    this.changed();
  }

  forget() {
    keep(this.key, null);
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  async save({ leaving = false } = {}) {
    clearTimeout(this.timer);
    if (this.stopped || this.onlyHere || !this.dirty) return;
    if (this.saving) {
      this.#later(DEBOUNCE_MS);
      return;
    }
    const content = contentOf(this.form);
    this.onState("saving");
    this.saving = true;
    const unansweredBefore = this.unanswered;
    this.unanswered = true;
    // Until the answer is here, a copy on this device must not look older than what the server may have.
    this.#keepLocally();
    try {
      const answer = await this.#send(leaving).catch(() => null);
      if (answer) this.unanswered = unansweredBefore;
      this.#receive(answer, content);
    } finally {
      this.saving = false;
    }
  }

  // The status, and what the server says; an answer that breaks off is none.
  async #send(leaving) {
    refreshToken(this.form);
    const response = await fetch(this.url, {
      method: "POST",
      body: new FormData(this.form),
      headers: { Accept: "application/json" },
      keepalive: leaving,
      signal: AbortSignal.timeout(15000),
    });
    const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
    return { ok: response.ok, status: response.status, told: isJson ? await response.json() : null };
  }

  #receive(answer, content) {
    // A task that was sent or left meanwhile asks for nothing more.
    if (this.stopped || !this.form.isConnected) return;
    if (answer?.ok && answer.told) this.#accept(answer.told, content);
    else if (!answer || answer.status >= 500) this.#unreachable();
    else this.#refuse(answer);
  }

  #accept({ version, receipt }, content) {
    connectionFound();
    this.unanswered = false;
    this.acknowledged = content;
    this.form.elements.draft_version.value = version;
    if (this.dirty) this.changed();
    else this.forget();
    this.onState("saved", { time: receipt });
  }

  #unreachable() {
    this.onState("unsaved");
    connectionLost(() => this.save());
    this.#later(RETRY_MS);
  }

  #refuse(answer) {
    const { code = "logged_out", message = "", fields = {} } = answer.told?.error ?? {};
    if (code === "stale_draft" && this.unanswered && Number(fields.draft_version) === this.#version + 1) {
      // The newer draft is our own, saved by the request whose answer was lost.
      this.form.elements.draft_version.value = fields.draft_version;
      this.unanswered = false;
      this.#later(0);
      return;
    }
    this.#keepLocally();
    if (code === "stale_draft" || code === "answered") this.stop();
    this.onState(answer.status === 401 ? "logged_out" : code, { reason: message });
  }
}

// --- Working time and the lease ---------------------------------------------------------------------------
// Time counts while the tab is visible and in use, and only then is the lease kept.
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
