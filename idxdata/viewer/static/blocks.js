// Sheets of pictures with the rows that are on them, fetched as they come into sight.

import { ask, bitmap, viewParameters } from "./api.js";

const MAX_HELD_PIXELS = 16 << 20;

export class Blocks {
  #part;
  #view;
  #count = 0;
  #ready = new Map();
  #coming = new Map();
  #onReady;
  #onError;

  /** `onReady(number)` is called when a block has come, `onError(error)` if one cannot. */
  constructor(onReady, onError) {
    this.#onReady = onReady;
    this.#onError = onError;
  }

  /** Forgets all, and turns to `count` examples of a view. `part` as the server tells it. */
  open(part, view, count) {
    this.want([]);
    for (const block of this.#ready.values()) block.sheet.close();
    this.#ready.clear();
    this.#part = part;
    this.#view = view;
    this.#count = count;
  }

  get size() {
    return this.#part.columns ** 2;
  }

  /** What is known of a position: row, label, value, and where its picture is; or null. */
  at(position) {
    const block = this.#ready.get(Math.floor(position / this.size));
    if (block === undefined) return null;
    const place = position % this.size;
    const { columns, cell } = this.#part;
    return {
      row: block.rows[place],
      label: block.labels?.[place] ?? null,
      value: block.values?.[place] ?? null,
      sheet: block.sheet,
      x: (place % columns) * cell.width,
      y: Math.floor(place / columns) * cell.height,
    };
  }

  /** Fetches the blocks of those numbers, and no others any more. */
  want(numbers) {
    for (const [number, controller] of this.#coming) {
      if (!numbers.includes(number)) {
        controller.abort();
        this.#coming.delete(number);
      }
    }
    for (const number of numbers) {
      const block = this.#ready.get(number);
      if (block !== undefined) {
        // Last in the Map is last to be dropped.
        this.#ready.delete(number);
        this.#ready.set(number, block);
      } else if (!this.#coming.has(number)) {
        this.#fetch(number);
      }
    }
    this.#drop(numbers.length);
  }

  async #fetch(number) {
    const controller = new AbortController();
    this.#coming.set(number, controller);
    const parameters = viewParameters(this.#part.name, this.#view);
    const start = number * this.size;
    const stop = Math.min(start + this.size, this.#count);
    try {
      const [sheet, told] = await Promise.all([
        bitmap("/sheet.png", { ...parameters, block: number }, controller.signal),
        ask("/api/rows", { ...parameters, start, stop }, controller.signal),
      ]);
      if (this.#coming.get(number) !== controller) return;
      this.#ready.set(number, { sheet, ...told });
      this.#onReady(number);
    } catch (error) {
      if (this.#coming.get(number) === controller) this.#onError(error);
    } finally {
      if (this.#coming.get(number) === controller) this.#coming.delete(number);
    }
  }

  #drop(numInSight) {
    if (!this.#ready.size) return;
    const { width, height } = this.#part.cell;
    const pixels = this.size * width * height;
    const most = Math.max(Math.floor(MAX_HELD_PIXELS / pixels), numInSight + 2);
    for (const [number, block] of this.#ready) {
      if (this.#ready.size <= most) return;
      block.sheet.close();
      this.#ready.delete(number);
    }
  }
}
