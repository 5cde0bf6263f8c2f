// The examples of a view as a grid: cells for what is in sight, and no more.

import { Blocks } from "./blocks.js";
import { draw, newRow } from "./cells.js";
import { Scroller } from "./scroller.js";

const PADDING = 8;
const GAP = 8;
const CAPTION = 18;
const WANTED_SIDE = 56;
const LEAST_FOR_CAPTION = 36;
const MAX_SIDE = 288;
const SETTLED_MS = 40;

/** How many times larger than life a part's cells are shown if nothing is said. */
export function usualSize(part) {
  return Math.max(1, Math.round(WANTED_SIDE / Math.max(part.cell.width, part.cell.height)));
}

/** The largest that makes sense. */
export function largestSize(part) {
  return Math.max(2, Math.floor(MAX_SIDE / Math.max(part.cell.width, part.cell.height)));
}

export class Grid {
  #element;
  #content;
  #scroller;
  #blocks;
  #part = null;
  #view = null;
  #count = 0;
  #size = 1;
  #nameOf;
  #chosen = null;
  #columns = 1;
  #pitch = 1;
  #rowHeight = 1;
  #left = 0;
  #rows = new Map();
  #spare = [];
  #timer = null;

  /**
   * `onChoose(position, row)` when a cell is chosen by hand; `onError(error)`;
   * `nameOf(label)` is a label as people call it.
   */
  constructor(element, content, { onChoose, onError, nameOf }) {
    this.#element = element;
    this.#content = content;
    this.#nameOf = nameOf;
    this.#blocks = new Blocks((number) => this.#arrived(number), onError);
    this.#scroller = new Scroller(element, content, () => this.#render());
    new ResizeObserver(() => this.#layOut()).observe(element);
    content.addEventListener("click", (event) => {
      const cell = event.target.closest(".cell");
      if (cell !== null) onChoose(cell.position);
    });
  }

  get count() {
    return this.#count;
  }

  get columns() {
    return this.#columns;
  }

  /** How many rows are seen whole, at least one. */
  get rowsInSight() {
    return Math.max(1, Math.floor(this.#element.clientHeight / this.#rowHeight));
  }

  /** The first position that is seen whole. */
  get firstInSight() {
    const row = Math.ceil((this.#scroller.top - PADDING) / this.#rowHeight);
    return Math.min(Math.max(0, row * this.#columns), Math.max(0, this.#count - 1));
  }

  /** Shows `count` examples of a view of a part, from the first on. */
  show(part, view, count, size) {
    this.#part = part;
    this.#view = view;
    this.#count = count;
    this.#size = size;
    this.#chosen = null;
    this.#blocks.open(part, view, count);
    this.#clear();
    this.#layOut(0);
  }

  resize(size) {
    this.#size = size;
    this.#clear();
    this.#layOut();
  }

  /** Marks a position as chosen, or none (null); brings it into sight if asked to. */
  choose(position, { reveal = false } = {}) {
    this.#chosen = position;
    if (reveal && position !== null) this.#reveal(position);
    this.#render();
  }

  /** The row at a position, or null where it is not known yet. */
  rowAt(position) {
    if (this.#view?.sort === "file" && !this.#view.labels.length) {
      return this.#view.reverse ? this.#count - 1 - position : position;
    }
    return this.#blocks.at(position)?.row ?? null;
  }

  #reveal(position) {
    const top = PADDING + Math.floor(position / this.#columns) * this.#rowHeight;
    const bottom = top + this.#rowHeight;
    const { clientHeight } = this.#element;
    const from = this.#scroller.top;
    if (top >= from && bottom <= from + clientHeight) return;
    const isNear = top > from - 2 * clientHeight && bottom < from + 3 * clientHeight;
    if (!isNear) this.#scroller.goTo(top - (clientHeight - this.#rowHeight) / 2);
    else if (top < from) this.#scroller.goTo(top - PADDING);
    else this.#scroller.goTo(bottom + PADDING - clientHeight);
  }

  /** Columns and rows for the room there is; what was first in sight stays so. */
  #layOut(first = this.firstInSight) {
    if (this.#part === null) return;
    const { width, height } = this.#part.cell;
    const isChosenSeen = this.#chosen !== null && this.#rows.has(this.#rowOf(this.#chosen));
    const room = this.#element.clientWidth - 2 * PADDING;
    const least = width * this.#size + GAP;
    // The last column needs no gap after it.
    const columns = Math.max(1, Math.floor((room + GAP) / least));
    const pitch = Math.max(least, Math.floor((room + GAP) / columns));
    if (columns !== this.#columns || pitch !== this.#pitch) this.#clear();
    this.#columns = columns;
    this.#pitch = pitch;
    const spare = room + GAP - (columns - 1) * this.#pitch - least;
    this.#left = PADDING + Math.max(0, Math.floor(spare / 2));
    const caption = width * this.#size < LEAST_FOR_CAPTION ? 0 : CAPTION;
    this.#rowHeight = height * this.#size + caption + GAP;
    this.#element.classList.toggle("bare", caption === 0);
    const rows = Math.ceil(this.#count / columns);
    this.#element.setAttribute("aria-rowcount", rows);
    this.#element.setAttribute("aria-colcount", columns);
    const top = Math.floor(first / columns) * this.#rowHeight;
    this.#scroller.resize(rows * this.#rowHeight + 2 * PADDING, top);
    if (isChosenSeen) this.#reveal(this.#chosen);
  }

  #rowOf(position) {
    return Math.floor(position / this.#columns);
  }

  #clear() {
    for (const row of this.#rows.values()) row.remove();
    this.#rows.clear();
    this.#spare = [];
  }

  #inSight(margin) {
    const { clientHeight } = this.#element;
    const from = this.#scroller.top - PADDING;
    const last = Math.ceil(this.#count / this.#columns) - 1;
    return [
      Math.max(0, Math.floor((from - margin * clientHeight) / this.#rowHeight)),
      Math.min(last, Math.floor((from + (1 + margin) * clientHeight) / this.#rowHeight)),
    ];
  }

  #render() {
    if (this.#part === null) return;
    const [first, last] = this.#inSight(0.5);
    for (const [number, row] of this.#rows) {
      if (number < first || number > last) {
        row.remove();
        this.#rows.delete(number);
        this.#spare.push(row);
      }
    }
    for (let number = first; number <= last; number += 1) {
      if (!this.#rows.has(number)) this.#rows.set(number, this.#fill(number));
      const row = this.#rows.get(number);
      const top = PADDING + number * this.#rowHeight - this.#scroller.offset;
      row.style.top = `${top}px`;
      row.style.left = `${this.#left}px`;
    }
    this.#markChosen();
    clearTimeout(this.#timer);
    // While somebody drags the bar nothing is asked for.
    this.#timer = setTimeout(() => this.#want(), SETTLED_MS);
  }

  #want() {
    const numbers = new Set();
    // What is in sight goes first, then what lies a window above and below.
    for (const margin of [0, 1]) {
      const [first, last] = this.#inSight(margin);
      const stop = Math.min((last + 1) * this.#columns, this.#count);
      const { size } = this.#blocks;
      const from = Math.floor((first * this.#columns) / size);
      for (let n = from; n * size < stop; n += 1) numbers.add(n);
    }
    this.#blocks.want([...numbers]);
  }

  #fill(number) {
    const row = this.#spare.pop() ?? newRow(this.#part.cell, this.#size, this.#columns);
    row.setAttribute("aria-rowindex", number + 1);
    for (const [column, cell] of [...row.children].entries()) {
      const position = number * this.#columns + column;
      cell.position = position;
      cell.hidden = position >= this.#count;
      cell.style.left = `${column * this.#pitch}px`;
      if (!cell.hidden) this.#draw(cell);
    }
    this.#content.append(row);
    return row;
  }

  #draw(cell) {
    draw(cell, this.#blocks.at(cell.position), this.#view.sort, this.#nameOf);
  }

  #arrived(number) {
    const size = this.#blocks.size;
    for (const row of this.#rows.values()) {
      for (const cell of row.children) {
        if (!cell.hidden && Math.floor(cell.position / size) === number) this.#draw(cell);
      }
    }
  }

  #markChosen() {
    let active = null;
    for (const row of this.#rows.values()) {
      for (const cell of row.children) {
        const isChosen = !cell.hidden && cell.position === this.#chosen;
        cell.setAttribute("aria-selected", isChosen);
        cell.removeAttribute("id");
        if (isChosen) active = cell;
      }
    }
    if (active !== null) active.id = "chosen";
    if (active === null) this.#element.removeAttribute("aria-activedescendant");
    else this.#element.setAttribute("aria-activedescendant", "chosen");
  }
}
