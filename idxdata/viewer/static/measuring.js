// Waiting for what is measured in the background: how far it is, and a way to call it off.

import { ask } from "./api.js";

const LOOK_EVERY_MS = 200;
const NAMES = { ink: "Measuring ink", distance: "Measuring distances" };

const $ = (id) => document.getElementById(id);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Measuring {
  #part = null;
  #measure = null;
  #turn = 0;

  constructor(onCancel) {
    $("cancel").addEventListener("click", onCancel);
  }

  /** "ink" or "distance" while that is waited for, else null. */
  get measure() {
    return this.#measure;
  }

  /**
   * Has `measure` made, and waits. True when it is there; false if it was called off.
   * Throws what the server says if it failed.
   */
  async wait(part, measure) {
    this.stop();
    this.#turn += 1;
    const turn = this.#turn;
    const parameters = { part: part.name, measure };
    this.#part = part;
    this.#measure = measure;
    try {
      let told = await ask("/api/measure", { ...parameters, do: "start" });
      while (turn === this.#turn && told.state === "running") {
        this.#show(told);
        await pause(LOOK_EVERY_MS);
        if (turn === this.#turn) told = await ask("/api/measure", parameters);
      }
      if (turn !== this.#turn) return false;
      if (told.state === "failed") throw new Error(`it could not be measured: ${told.message}`);
      return told.state === "done";
    } finally {
      if (turn === this.#turn) this.#hide();
    }
  }

  /** Calls off what is waited for. */
  stop() {
    if (this.#measure === null) return;
    this.#turn += 1;
    const parameters = { part: this.#part.name, measure: this.#measure, do: "cancel" };
    ask("/api/measure", parameters).catch(() => {});
    this.#hide();
  }

  #show({ done, total }) {
    $("progress").value = total ? done / total : 1;
    const percent = Math.floor((100 * done) / total);
    $("progress-text").textContent =
      done === total ? "Sorting …" : `${NAMES[this.#measure]}, ${percent} %`;
    $("measuring").hidden = false;
  }

  #hide() {
    this.#measure = null;
    $("measuring").hidden = true;
  }
}
