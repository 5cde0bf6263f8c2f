// The labels to choose from, each with how many examples it has as a bar.

import { count, countShort } from "./words.js";

export class Filter {
  #section;
  #list;
  #onChange;
  #classes = [];
  #chosen = new Set();

  /** `onChange(labels)` with the labels chosen by hand, none for all. */
  constructor(section, list, onChange) {
    this.#section = section;
    this.#list = list;
    this.#onChange = onChange;
    list.addEventListener("click", (event) => {
      const chip = event.target.closest("button");
      if (chip !== null) this.#toggle(chip.dataset.label);
    });
  }

  /** Shows the classes of a part, as the server tells them; null hides all. */
  show(classes) {
    this.#classes = classes ?? [];
    this.#section.hidden = classes === null;
    this.#section.parentElement.classList.toggle("unlabelled", classes === null);
    const most = Math.max(1, ...this.#classes.map((one) => one.count));
    const total = this.#classes.reduce((sum, one) => sum + one.count, 0);
    const all = newChip("", "All", total, null);
    const chips = this.#classes.map((one) =>
      newChip(one.label, this.nameOf(one.label), one.count, one.count / most),
    );
    this.#list.replaceChildren(all, ...chips);
    this.choose([]);
  }

  get labels() {
    return this.#classes.map((one) => one.label);
  }

  /** A label as people call it: by its class's name if it has one. */
  nameOf(label) {
    return this.#classes.find((one) => one.label === label)?.name ?? label;
  }

  /** Marks labels as chosen. */
  choose(labels) {
    this.#chosen = new Set(labels);
    for (const chip of this.#list.querySelectorAll("button")) {
      const { label } = chip.dataset;
      const isChosen = label === "" ? !this.#chosen.size : this.#chosen.has(label);
      chip.setAttribute("aria-pressed", isChosen);
    }
  }

  #toggle(label) {
    const chosen = new Set(label === "" ? [] : this.#chosen);
    if (label !== "" && !chosen.delete(label)) chosen.add(label);
    const all = this.labels;
    const labels = chosen.size === all.length ? [] : all.filter((one) => chosen.has(one));
    this.choose(labels);
    this.#onChange(labels);
  }
}

function newChip(label, name, number, share) {
  const item = document.createElement("li");
  const chip = document.createElement("button");
  chip.type = "button";
  chip.className = "chip";
  chip.dataset.label = label;
  chip.title = name === label || label === "" ? name : `${name} (label ${label})`;
  chip.setAttribute("aria-label", `${name}, ${count(number)} examples`);
  const title = document.createElement("span");
  title.className = "name";
  title.textContent = name;
  const bar = document.createElement("span");
  bar.className = "bar";
  if (share !== null) {
    const fill = document.createElement("span");
    fill.style.inlineSize = `${Math.max(1, share * 100)}%`;
    bar.append(fill);
  }
  const amount = document.createElement("span");
  amount.className = "count";
  amount.textContent = countShort(number);
  chip.append(title, bar, amount);
  item.append(chip);
  return item;
}
