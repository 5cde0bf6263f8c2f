// The page: what is looked at, and what keys and buttons do to it.

import * as api from "./api.js";
import * as controls from "./controls.js";
import { offerCopying } from "./copying.js";
import { Detail } from "./detail.js";
import { Filter } from "./filter.js";
import { Grid, largestSize, usualSize } from "./grid.js";
import { listen } from "./keys.js";
import { Measuring } from "./measuring.js";
import * as place from "./place.js";
import { Status } from "./status.js";
import { count, sentence, sortOf } from "./words.js";

const WRITE_AFTER_MS = 250;
const DETAIL_AFTER_MS = 60;

const $ = (id) => document.getElementById(id);
const isMeasured = (sort) => sort === "ink" || sort === "distance";

let gallery = null;
let part = null;
let usual = null;
let state = null;
let position = null;
// Answers that come after somebody has turned to something else are not shown: each view
// that is asked for is a turn, each example a choice.
let turn = 0;
let choice = 0;
// An order that is waited for, until it is measured.
let coming = null;
let writing = null;
let detailing = null;

const status = new Status($("status"));
const complain = (error) => status.complain(error);
const filter = new Filter($("filter"), $("chips"), (labels) => show({ labels }));
const measuring = new Measuring(() => {
  measuring.stop();
  coming = null;
  status.note("Called off. The order stays as it is.");
  settle();
});
const grid = new Grid($("grid"), $("content"), {
  onChoose: choose,
  onError: complain,
  nameOf: (label) => filter.nameOf(label),
});
const detail = new Detail({
  onError: complain,
  onMeasure: () => measure().catch(complain),
});

start().catch(complain);

async function start() {
  gallery = await api.gallery();
  document.title = `${gallery.title} · idxdata`;
  $("title").textContent = gallery.title;
  controls.showParts($("parts"), gallery.parts, (name) => {
    if (name !== part.name) open({ ...state, ...coming, part: name, row: null }).catch(complain);
  });
  usual = { part: gallery.parts[0].name, labels: [], sort: "file", reverse: false };
  usual = { ...usual, row: null, size: null, invert: false };
  connect();
  await restore();
}

const restore = () => open(place.read(usual));

/** Looks at all that is `said`; what does not fit the data is as usual. */
async function open(said) {
  turn += 1;
  await openPart(gallery.parts.find((one) => one.name === said.part) ?? gallery.parts[0]);
  const labels = filter.labels.filter((label) => said.labels.includes(label));
  const { sort, reverse } = sortOf(said.sort, said.reverse);
  const row = said.row !== null && said.row < part.count ? said.row : null;
  state = { ...usual, part: part.name, labels, size: said.size, invert: said.invert };
  filter.choose(labels);
  showInvert();
  const isSortable = sort !== "label" || filter.labels.length > 0;
  if (!isMeasured(sort)) {
    await show(isSortable ? { sort, reverse, row } : { row });
    return;
  }
  await show({ row });
  await look({ sort, reverse });
}

async function openPart(chosen) {
  measuring.stop();
  coming = null;
  part = chosen;
  controls.markPart($("parts"), part.name);
  const colours = part.channels === 3 ? " colour" : "";
  $("shape").textContent = `${part.height} × ${part.width}${colours} ${part.dtype}`;
  const { classes } = part.hasLabels
    ? await api.ask("/api/labels", { part: part.name })
    : { classes: null };
  filter.show(classes);
  controls.showSorts($("sort"), classes !== null);
  detail.open(part, gallery.code);
}

/** Changes the view; what has to be measured first is, and the rest goes on meanwhile. */
async function look(change) {
  if ("sort" in change) {
    measuring.stop();
    coming = isMeasured(change.sort) ? change : null;
    if (coming !== null && !(await isReady(change))) return;
  }
  await show(change);
}

/** Whether an order could be measured, and is still wanted then. */
async function isReady(change) {
  const wait = measuring.wait(part, change.sort);
  settle();
  try {
    return (await wait) && coming === change;
  } finally {
    if (coming === change) coming = null;
    settle();
  }
}

/** Measures distances, and stays where it is. */
async function measure() {
  const opened = part;
  if ((await measuring.wait(part, "distance")) && part === opened && state.row !== null) {
    await detail.show(state.row, position, grid.count);
  }
}

/** Shows the state with a change, which the server can answer at once. */
async function show(change) {
  turn += 1;
  const mine = turn;
  const before = state;
  // At once, so that what changes meanwhile changes this.
  state = { ...state, ...change };
  try {
    const told = await api.ask("/api/view", api.viewParameters(part.name, state));
    if (mine !== turn) return;
    grid.show(part, state, told.count, sizeInUse());
    position = null;
    status.clear();
    settle();
    if (state.row === null) detail.clear();
    else await find(state.row);
  } catch (error) {
    if (mine !== turn) return;
    state = before;
    complain(error);
  }
}

/** Shows the row of that index, wherever it is in the view. */
async function find(row) {
  choice += 1;
  const mine = [turn, choice];
  const parameters = { ...api.viewParameters(part.name, state), row };
  const told = await api.ask("/api/position", parameters);
  if (mine[0] !== turn || mine[1] !== choice) return;
  state.row = row;
  position = told.position;
  grid.choose(position, { reveal: true });
  clearTimeout(detailing);
  if (position === null) {
    status.note(`Example ${count(row)} has another label: it is not in this view.`);
  }
  settle();
  await detail.show(row, position, grid.count);
}

/** Chooses what is at a position; null: nothing. */
async function choose(at) {
  choice += 1;
  const mine = [turn, choice];
  position = at;
  grid.choose(at, { reveal: true });
  clearTimeout(detailing);
  try {
    const row = at === null ? null : (grid.rowAt(at) ?? (await askRow(at)));
    if (mine[0] !== turn || mine[1] !== choice) return;
    state.row = row;
    settle();
    if (row === null) detail.clear();
    // Who holds an arrow key down sees the last one only.
    else detailing = setTimeout(() => detail.show(row, at, grid.count), DETAIL_AFTER_MS);
  } catch (error) {
    complain(error);
  }
}

async function askRow(at) {
  const parameters = api.viewParameters(part.name, state);
  const told = await api.ask("/api/rows", { ...parameters, start: at, stop: at + 1 });
  return told.rows[0];
}

/** Brings address, order and the line above the grid up to what is looked at. */
function settle() {
  const wanted = { ...state, ...coming };
  controls.markSort($("sort"), wanted);
  clearTimeout(writing);
  writing = setTimeout(() => place.write(wanted, usual), WRITE_AFTER_MS);
  status.summary = summary();
  $("smaller").disabled = sizeInUse() <= 1;
  $("larger").disabled = sizeInUse() >= largestSize(part);
}

function summary() {
  if (!part.count) return "There are no examples.";
  return sentence(state, grid.count, part.count, (label) => filter.nameOf(label));
}

const sizeInUse = () =>
  Math.min(Math.max(1, state?.size ?? usualSize(part)), largestSize(part));

function resize(size) {
  state.size = size === usualSize(part) ? null : size;
  grid.resize(sizeInUse());
  settle();
}

function showInvert() {
  document.body.classList.toggle("inverted", state.invert);
  $("invert").setAttribute("aria-pressed", state.invert);
}

async function goToIndex() {
  const row = controls.typedIndex($("row").value, part.count);
  $("row").setAttribute("aria-invalid", row === null);
  if (row === null) {
    status.note(part.count ? `There are examples 0 to ${count(part.count - 1)}.` : summary());
    return;
  }
  $("grid").focus({ preventScroll: true });
  await find(row);
}

function connect() {
  $("sort").addEventListener("change", () => look(controls.pickedSort($("sort"))).catch(complain));
  $("go").addEventListener("submit", (event) => {
    event.preventDefault();
    goToIndex().catch(complain);
  });
  $("row").addEventListener("input", () => $("row").removeAttribute("aria-invalid"));
  $("smaller").addEventListener("click", () => resize(sizeInUse() - 1));
  $("larger").addEventListener("click", () => resize(sizeInUse() + 1));
  $("invert").addEventListener("click", () => {
    state.invert = !state.invert;
    showInvert();
    settle();
  });
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("close").addEventListener("click", () => {
    choose(null);
    $("grid").focus({ preventScroll: true });
  });
  offerCopying($("copy"), $("code"), (text) => status.note(text));
  $("skip").addEventListener("click", (event) => {
    event.preventDefault();
    $("grid").focus();
  });
  addEventListener("hashchange", () => restore().catch(complain));
  listen({ grid, step, choose, position: () => position });
}

/** Moves the choice by a number of positions; the first in sight where there is none. */
function step(by) {
  if (!grid.count) return;
  const at = position === null ? grid.firstInSight : position + by;
  choose(Math.min(Math.max(0, at), grid.count - 1));
}
