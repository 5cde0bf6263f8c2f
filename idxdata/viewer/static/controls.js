// What stands in the bar on top: parts, orders, an index to go to.

import { SORTS, count, sortOf } from "./words.js";

/** A button for each part; `onPick(name)` when one is pressed. None for a single part. */
export function showParts(box, parts, onPick) {
  const buttons = parts.map((part) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.part = part.name;
    const amount = document.createElement("small");
    amount.textContent = count(part.count);
    button.append(part.name, " ", amount);
    button.addEventListener("click", () => onPick(part.name));
    return button;
  });
  box.replaceChildren(...buttons);
  box.hidden = parts.length < 2;
}

export function markPart(box, name) {
  for (const button of box.children) {
    button.setAttribute("aria-pressed", button.dataset.part === name);
  }
}

/** Offers the orders that there are with classes, or without. */
export function showSorts(list, hasClasses) {
  const sorts = SORTS.filter((one) => one.needs !== "classes" || hasClasses);
  const options = sorts.map((one) => {
    const option = document.createElement("option");
    option.value = SORTS.indexOf(one);
    option.textContent = hasClasses ? one.name.replace("the mean", "the class mean") : one.name;
    return option;
  });
  list.replaceChildren(...options);
}

export function markSort(list, { sort, reverse }) {
  list.value = SORTS.indexOf(sortOf(sort, reverse));
}

export function pickedSort(list) {
  const { sort, reverse } = SORTS[list.value];
  return { sort, reverse };
}

/** The index that somebody typed, with separators or without; null if there is none. */
export function typedIndex(text, number) {
  const digits = text.replace(/[\s,_'’]/g, "");
  const row = Number(digits);
  return /^\d+$/.test(digits) && row < number ? row : null;
}
