// The command palette. The page loads this file when the palette is first opened, and nothing is asked before.
const TYPING_MS = 120;

class Palette {
  constructor(dialog, { chooseTheme }) {
    this.dialog = dialog;
    this.chooseTheme = chooseTheme;
    this.input = dialog.querySelector("[role=combobox]");
    this.results = dialog.querySelector("[data-results]");
    this.told = dialog.querySelector("[data-told]");
    this.waiting = this.results.innerHTML;
    this.options = [];
    this.at = -1;
    this.open = null;
    this.#listen();
  }

  #listen() {
    this.input.addEventListener("input", () => this.#askSoon());
    this.dialog.addEventListener("keydown", (event) => this.#key(event));
    this.dialog.addEventListener("close", () => this.#left());
    this.dialog.addEventListener("click", (event) => this.#click(event));
    this.results.addEventListener("pointermove", ({ target }) => {
      const index = this.options.indexOf(target.closest("[role=option]"));
      if (index >= 0 && index !== this.at) this.#choose(index);
    });
  }

  toggle() {
    if (this.dialog.open) return this.dialog.close();
    this.input.value = "";
    this.open = null;
    this.#show(this.waiting);
    this.dialog.showModal();
    this.input.focus();
    this.#ask();
  }

  // However it was closed. Where nothing had the focus before, the browser leaves it in the hidden field, and keys
  // would go there.
  #left() {
    this.#stop();
    this.input.blur();
  }

  // --- Asking ---------------------------------------------------------------------------------------------
  #askSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#ask(), TYPING_MS);
    this.open = null;
  }

  async #ask() {
    this.#stop();
    const asked = this.input.value.trim();
    this.request = new AbortController();
    const address = `${this.dialog.dataset.address}?${new URLSearchParams(asked ? { q: asked } : {})}`;
    try {
      const answer = await fetch(address, { headers: { "HX-Request": "true" }, signal: this.request.signal });
      const login = answer.headers.get("HX-Redirect");
      if (login) return location.assign(login);
      const body = await answer.text();
      if (answer.status >= 500) return this.#lost();
      this.asked = asked;
      this.#show(body);
      if (this.open !== null) this.#go(this.open);
    } catch (error) {
      if (error.name !== "AbortError") this.#lost();
    }
    return undefined;
  }

  #stop() {
    clearTimeout(this.timer);
    this.request?.abort();
    this.asked = null;
  }

  #lost() {
    const message = document.createElement("p");
    message.className = "palette-nothing";
    message.textContent = this.dialog.dataset.lost;
    this.#show(message.outerHTML);
    this.told.textContent = this.dialog.dataset.lost;
  }

  // --- Showing and choosing -------------------------------------------------------------------------------
  #show(html) {
    this.results.innerHTML = html;
    const list = this.results.querySelector("[role=listbox]");
    this.options = [...this.results.querySelectorAll("[role=option]")];
    this.input.setAttribute("aria-expanded", String(Boolean(list)));
    this.told.textContent = list?.dataset.count ?? this.results.textContent.trim();
    this.#choose(this.options.length ? 0 : -1);
  }

  #choose(index) {
    this.options[this.at]?.setAttribute("aria-selected", "false");
    this.at = index;
    const option = this.options[index];
    if (!option) return this.input.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    return this.input.setAttribute("aria-activedescendant", option.id);
  }

  #key(event) {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const command = event.ctrlKey || event.metaKey;
    if (step && this.options.length) this.#choose((this.at + step + this.options.length) % this.options.length);
    else if (event.key === "Enter" && event.target === this.input) this.#go({ newTab: command });
    else if (command && event.key.toLowerCase() === "k") this.dialog.close();
    else return;
    event.preventDefault();
  }

  // What is typed wins over what is shown: Enter waits for the answer to the last letter.
  #go(how) {
    if (this.asked !== this.input.value.trim()) {
      this.open = how;
      return;
    }
    this.open = null;
    const option = this.options[this.at];
    if (option) this.#follow(option, how);
  }

  #follow(option, { newTab = false } = {}) {
    this.dialog.close();
    if (option.dataset.theme) this.chooseTheme(option.dataset.theme);
    else if (newTab) window.open(option.href, "_blank");
    else location.assign(option.href);
  }

  #click(event) {
    if (event.target === this.dialog) return this.dialog.close();
    const option = event.target.closest("[role=option]");
    if (!option || event.ctrlKey || event.metaKey || event.shiftKey) return undefined;
    event.preventDefault();
    return this.#follow(option);
  }
}

let palette = null;

export function togglePalette(dialog, tools) {
  palette ??= new Palette(dialog, tools);
  palette.toggle();
}
