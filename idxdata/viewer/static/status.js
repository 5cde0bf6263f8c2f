// The line above the grid: what is looked at, and now and then something else for a while.

const NOTE_MS = 6000;

export class Status {
  #element;
  #summary = "";
  #timer = null;

  constructor(element) {
    this.#element = element;
  }

  /** What is looked at; seen as soon as no note is. */
  set summary(text) {
    this.#summary = text;
    if (this.#timer === null) this.#element.textContent = text;
  }

  /** Says something for a while. */
  note(text) {
    this.clear();
    this.#element.textContent = text;
    this.#timer = setTimeout(() => this.clear(), NOTE_MS);
  }

  /** Says what went wrong, until there is something else to say. */
  complain(error) {
    if (error.name === "AbortError") return;
    this.clear();
    this.#element.textContent = `Something went wrong: ${error.message}.`;
  }

  clear() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#element.textContent = this.#summary;
  }
}
