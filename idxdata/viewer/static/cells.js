// One row of cells of the grid, and what a cell shows.

import { count, measured } from "./words.js";

/** A row of empty cells, to be filled again and again. */
export function newRow({ width, height }, size, columns) {
  const row = document.createElement("div");
  row.className = "row";
  row.setAttribute("role", "row");
  for (let column = 0; column < columns; column += 1) {
    const cell = document.createElement("div");
    cell.className = "cell";
    cell.setAttribute("role", "gridcell");
    cell.setAttribute("aria-colindex", column + 1);
    cell.style.width = `${width * size}px`;
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    canvas.style.width = `${width * size}px`;
    canvas.style.height = `${height * size}px`;
    const picture = document.createElement("span");
    picture.className = "picture";
    picture.append(canvas);
    const caption = document.createElement("span");
    caption.className = "caption";
    caption.append(document.createElement("span"), document.createElement("span"));
    cell.append(picture, caption);
    row.append(cell);
  }
  return row;
}

/**
 * Shows what is `known` of the cell's position, or that it is still to come (null).
 * `sort` names its value, `nameOf(label)` is a label as people call it.
 */
export function draw(cell, known, sort, nameOf) {
  const [picture, caption] = cell.children;
  const [left, right] = caption.children;
  const canvas = picture.firstChild;
  const { width, height } = canvas;
  const context = canvas.getContext("2d");
  cell.classList.toggle("coming", known === null);
  if (known === null) {
    context.clearRect(0, 0, width, height);
    left.textContent = right.textContent = "";
    cell.setAttribute("aria-label", `position ${count(cell.position + 1)}`);
    cell.removeAttribute("title");
    return;
  }
  context.drawImage(known.sheet, known.x, known.y, width, height, 0, 0, width, height);
  const label = known.label === null ? null : nameOf(known.label);
  // Without labels there is room for one number.
  left.textContent = label ?? (known.value === null ? count(known.row) : "");
  right.textContent = known.value === null ? "" : measured(known.value);
  const words = [`index ${count(known.row)}`];
  if (label !== null) words.push(`label ${label}`);
  if (known.value !== null) words.push(`${sort} ${measured(known.value)}`);
  cell.title = words.join(", ");
  cell.setAttribute("aria-label", words.join(", "));
}
