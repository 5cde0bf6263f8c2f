// One example: its picture, its numbers, its pixels, and the code that loads it.

import { address, ask } from "./api.js";
import { count, measured, pixel } from "./words.js";

const PICTURE_SIDE = 252;
const MAX_TABLE_PIXELS = 64 * 64;

const $ = (id) => document.getElementById(id);

export class Detail {
  #part = null;
  #loading = "";
  #told = null;
  #controller = null;
  #onError;
  #onMeasure;

  /** `onMeasure()` when somebody wants the distances measured. */
  constructor({ onError, onMeasure }) {
    this.#onError = onError;
    this.#onMeasure = onMeasure;
    const frame = $("frame");
    frame.addEventListener("pointermove", (event) => this.#point(event));
    frame.addEventListener("pointerdown", (event) => this.#point(event));
    frame.addEventListener("pointerleave", () => this.#unpoint());
    $("pixels").addEventListener("toggle", () => this.#fillTable());
    $("table").addEventListener("pointerover", (event) => {
      const cell = event.target.closest("td");
      if (cell !== null) this.#mark(cell.parentElement.rowIndex - 1, cell.cellIndex - 1);
    });
    $("table").addEventListener("pointerleave", () => this.#unpoint());
  }

  /** The part whose examples are shown, and the lines that load the data. */
  open(part, loading) {
    this.#part = part;
    this.#loading = loading;
    this.clear();
  }

  clear() {
    this.#controller?.abort();
    this.#told = null;
    $("example").hidden = true;
    $("nothing").hidden = false;
    $("layout").classList.remove("open");
    $("code").textContent = this.#loading;
  }

  /** Shows a row, which is at `position` of the `number` examples in the grid, or null. */
  async show(row, position, number) {
    this.#controller?.abort();
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    const parameters = { part: this.#part.name, row };
    try {
      const told = await ask("/api/example", parameters, signal);
      const picture = new Image();
      picture.src = address("/example.png", parameters);
      await picture.decode();
      if (signal.aborted) return;
      this.#told = told;
      this.#fill(picture.src, position, number);
    } catch (error) {
      if (!signal.aborted) this.#onError(error);
    }
  }

  #fill(source, position, number) {
    const { row, label, name } = this.#told;
    $("nothing").hidden = true;
    $("example").hidden = false;
    $("layout").classList.add("open");
    $("example-title").textContent = `Index ${count(row)}`;
    const { width, height } = this.#part;
    const picture = $("picture");
    picture.src = source;
    picture.alt = `Example ${row}${label === null ? "" : `, label ${name ?? label}`}`;
    // A whole number of pixels each, so that all are of one size.
    const scale = PICTURE_SIDE / Math.max(width, height);
    const whole = scale >= 1 ? Math.floor(scale) : scale;
    $("frame").style.setProperty("--width", `${Math.round(width * whole)}px`);
    $("frame").style.setProperty("--ratio", `${width} / ${height}`);
    this.#unpoint();
    this.#fillFacts(position, number);
    this.#fillTable();
    $("code").textContent = this.#code();
  }

  #fillFacts(position, number) {
    const { label, name, ink, distance, least, most } = this.#told;
    const facts = [];
    if (label !== null) {
      facts.push(["Label", name === null || name === label ? label : `${label} · ${name}`]);
    }
    facts.push(["Ink", measured(ink), "the mean of its pixels"]);
    facts.push([
      "Distance",
      distance === null ? this.#newMeasureButton() : measured(distance),
      "to the mean picture, in units of pixels",
    ]);
    facts.push(["Pixels", `${pixel(least ?? "none")} to ${pixel(most ?? "none")}`]);
    facts.push([
      "Place",
      position === null ? "not in this view" : `${count(position + 1)} of ${count(number)}`,
    ]);
    const pairs = facts.map(([term, value, title]) => {
      const pair = document.createElement("div");
      const dt = document.createElement("dt");
      const dd = document.createElement("dd");
      dt.textContent = term;
      dd.append(value);
      if (title !== undefined) pair.title = title;
      pair.append(dt, dd);
      return pair;
    });
    $("facts").replaceChildren(...pairs);
  }

  #newMeasureButton() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.textContent = "measure all";
    button.addEventListener("click", this.#onMeasure);
    return button;
  }

  #code() {
    const { imagesCode, labelsCode, hasLabels } = this.#part;
    const lines = [this.#loading, `image = ${imagesCode}[${this.#told.row}]`];
    if (hasLabels) lines.push(`label = ${labelsCode}[${this.#told.row}]`);
    return lines.join("\n");
  }

  #fillTable() {
    if (!$("pixels").open || this.#told === null) return;
    const { pixels } = this.#told;
    if (pixels === null || pixels.length * pixels[0].length > MAX_TABLE_PIXELS) {
      const note = document.createElement("p");
      note.className = "soft";
      note.textContent =
        pixels === null
          ? "Too many to list."
          : "Too many for a table. Point at the picture to read them.";
      $("table").replaceChildren(note);
      return;
    }
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    head.append(newHeading("", "col"), ...pixels[0].map((_, x) => newHeading(x, "col")));
    const body = table.createTBody();
    for (const [y, line] of pixels.entries()) {
      const row = body.insertRow();
      row.append(newHeading(y, "row"));
      for (const value of line) {
        const cell = row.insertCell();
        cell.textContent = pixel(value);
        cell.style.setProperty("--share", this.#share(value));
        if (value === 0) cell.className = "zero";
      }
    }
    const box = $("table");
    box.replaceChildren(table);
    // Pictures mostly are in the middle.
    box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2;
  }

  /** Where a pixel lies between the least and the most of its kind, 0 to 1. */
  #share(value) {
    const parts = [value].flat().map(Number).filter(Number.isFinite);
    if (!parts.length) return 0;
    const isByte = this.#part.dtype === "uint8";
    const least = isByte ? 0 : Number(this.#told.least);
    const most = isByte ? 255 : Number(this.#told.most);
    const mean = parts.reduce((sum, one) => sum + one, 0) / parts.length;
    return most > least ? (mean - least) / (most - least) : 0;
  }

  #point(event) {
    const box = $("picture").getBoundingClientRect();
    const { width, height } = this.#part;
    const column = Math.floor(((event.clientX - box.left) / box.width) * width);
    const row = Math.floor(((event.clientY - box.top) / box.height) * height);
    if (row >= 0 && column >= 0 && row < height && column < width) this.#mark(row, column);
  }

  #mark(row, column) {
    const { width, height } = this.#part;
    const value = this.#told?.pixels?.[row]?.[column];
    const told = value === undefined ? "" : `: ${pixel(value)}`;
    $("readout").textContent = `row ${row}, column ${column}${told}`;
    const spot = $("spot");
    spot.hidden = false;
    spot.style.left = `${(column / width) * 100}%`;
    spot.style.top = `${(row / height) * 100}%`;
    spot.style.width = `${100 / width}%`;
    spot.style.height = `${100 / height}%`;
  }

  #unpoint() {
    $("spot").hidden = true;
    const { width, height, channels, dtype, isStretched } = this.#part;
    const colours = channels === 3 ? " × 3" : "";
    const shown = isStretched ? ", shown from least to most" : "";
    $("readout").textContent = `${height} × ${width}${colours} ${dtype}${shown}`;
  }
}

function newHeading(text, scope) {
  const heading = document.createElement("th");
  heading.scope = scope;
  heading.textContent = text;
  return heading;
}
