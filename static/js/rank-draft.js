// Nothing typed is lost: every change goes to this device at once and to the server shortly after.
// The local copy is dropped only when the server has acknowledged the same content.
import { connectionFound, connectionLost } from "./app.js";

const DEBOUNCE_MS = 800;
const RETRY_MS = 5000;
const KEEP_DAYS = 14;
const PREFIX = "annotera:draft:";
// These travel with every draft but are no work of the person.
const BOOKKEEPING = new Set(["csrfmiddlewaretoken", "active_ms", "draft_version", "revision", "guideline_number"]);

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
  for (const key of Object.keys(localStorage).filter((name) => name.startsWith(PREFIX))) {
    const { at } = JSON.parse(localStorage.getItem(key));
    if (Date.now() - at > KEEP_DAYS * 24 * 3600 * 1000) localStorage.removeItem(key);
  }
}

export class Draft {
  constructor(task, { onState, onRestored }) {
    this.form = task.querySelector("#answer");
    this.url = task.dataset.draftUrl;
    this.key = PREFIX + task.dataset.assignment;
    this.onState = onState;
    this.onRestored = onRestored;
    this.acknowledged = contentOf(this.form);
    this.stopped = task.dataset.mode === "closed";
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
    if (this.stopped || !this.dirty) return;
    this.#keepLocally();
    this.#later(DEBOUNCE_MS);
  }

  #later(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), milliseconds);
  }

  #keepLocally() {
    const { unanswered } = this;
    const copy = { entries: entriesOf(this.form), version: this.#version, unanswered, at: Date.now() };
    try {
      localStorage.setItem(this.key, JSON.stringify(copy));
    } catch (error) {
      // A full or forbidden store: the server remains, and the line says that it does not know yet.
      console.warn("no local copy", error);
    }
  }

  // What an earlier visit could not bring to the server. Returns "restored", "older" or null.
  restore() {
    const stored = localStorage.getItem(this.key);
    if (!stored || this.stopped) return null;
    const copy = JSON.parse(stored);
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

  use(entries = JSON.parse(localStorage.getItem(this.key)).entries) {
    writeFields(this.form, entries);
    this.onRestored();
    this.changed();
  }

  forget() {
    localStorage.removeItem(this.key);
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  async save({ leaving = false } = {}) {
    clearTimeout(this.timer);
    if (this.stopped || !this.dirty) return;
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
    const answer = await this.#send(leaving).catch(() => null);
    if (answer) this.unanswered = unansweredBefore;
    await this.#receive(answer, content);
    this.saving = false;
  }

  #send(leaving) {
    refreshToken(this.form);
    return fetch(this.url, {
      method: "POST",
      body: new FormData(this.form),
      headers: { Accept: "application/json" },
      keepalive: leaving,
      signal: AbortSignal.timeout(15000),
    });
  }

  async #receive(answer, content) {
    // A task that was sent or left meanwhile asks for nothing more.
    if (this.stopped || !this.form.isConnected) return;
    const isJson = answer?.headers.get("Content-Type")?.startsWith("application/json");
    if (answer?.ok && isJson) this.#accept(await answer.json(), content);
    else if (!answer || answer.status >= 500) this.#unreachable();
    else await this.#refuse(answer, isJson);
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

  async #refuse(answer, isJson) {
    const { code = "logged_out", message = "", fields = {} } = isJson ? (await answer.json()).error : {};
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
