// One answer word by word against another, drawn by the server from the texts as they are written.
import { toast } from "./app.js";
import { fill } from "./wording.js";

export class Comparison {
  constructor(page) {
    this.page = page;
    this.fetched = new Map();
  }

  card(uid) {
    return this.page.task.querySelector(`[data-candidate="${uid}"]`);
  }

  // Against the best placed of the others, else against the one before it.
  #usual(uid) {
    const { order, uids } = this.page;
    const best = order.entries.find((entry) => entry.uid !== uid);
    const at = uids.indexOf(uid);
    return best?.uid ?? uids[at === 0 ? 1 : at - 1];
  }

  toggle(uid) {
    if (this.card(uid).dataset.comparing) this.#back(uid);
    else this.against(uid, this.#usual(uid));
  }

  next(uid) {
    const others = this.page.uids.filter((one) => one !== uid);
    const before = this.card(uid).dataset.comparing;
    this.against(uid, before ? others[(others.indexOf(before) + 1) % others.length] : this.#usual(uid));
  }

  #back(uid) {
    const { strip, words } = this.page;
    const card = this.card(uid);
    const hadFocus = card.querySelector("[data-comparison]").contains(document.activeElement);
    delete card.dataset.comparing;
    this.#show(card);
    if (hadFocus) card.querySelector("[data-compare]").focus();
    strip.announce(fill(words.comparedOver, { letter: strip.letters[uid] }));
  }

  async against(uid, other) {
    const card = this.card(uid);
    card.dataset.comparing = other;
    this.#show(card);
    const html = await this.#fetch(uid, other);
    // Meanwhile the person may have gone back, or on to another one.
    if (card.dataset.comparing !== other) return;
    if (html === null) {
      delete card.dataset.comparing;
      this.#show(card);
      toast(this.page.words.notCompared);
      return;
    }
    this.#fill(card, html);
  }

  async #fetch(uid, other) {
    const address = `${this.page.task.dataset.compareUrl}${uid}/${other}/`;
    if (this.fetched.has(address)) return this.fetched.get(address);
    const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer?.ok) return null;
    const html = await answer.text();
    this.fetched.set(address, html);
    return html;
  }

  #fill(card, html) {
    const { strip, words } = this.page;
    const place = card.querySelector("[data-compare-text]");
    place.innerHTML = html;
    const { places } = place.querySelector("[data-places]").dataset;
    const letters = { letter: strip.letters[card.dataset.candidate], other: strip.letters[card.dataset.comparing] };
    strip.announce(fill(places === "0" ? words.comparedSame : words.compared, { ...letters, places }));
  }

  #show(card) {
    const other = card.dataset.comparing;
    card.querySelector("[data-comparison]").hidden = !other;
    card.querySelector("[data-compare]").setAttribute("aria-pressed", String(Boolean(other)));
    for (const button of card.querySelectorAll("[data-against]")) {
      button.setAttribute("aria-pressed", String(button.dataset.against === other));
    }
  }
}
