// Numbers and sentences as the page says them.

const grouped = new Intl.NumberFormat("en-GB");

export const count = (number) => grouped.format(number);

export const countShort = (number) =>
  number < 1e6 ? count(number) : `${Number((number / 1e6).toFixed(2))} M`;

/** A measured value: four digits that count; words ("NaN") stay. */
export function measured(value) {
  if (typeof value !== "number") return value === null ? "–" : String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(2);
  return value.toFixed(size >= 100 ? 1 : size >= 1 ? 2 : 4);
}

/** A pixel as it is: integers whole, floats with six digits. */
export function pixel(value) {
  if (Array.isArray(value)) return value.map(pixel).join(", ");
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(6)));
}

export const SORTS = [
  { sort: "file", reverse: false, name: "File order", phrase: "in file order" },
  { sort: "file", reverse: true, name: "File order, last first", phrase: "last first" },
  { sort: "label", reverse: false, name: "By label", phrase: "by label", needs: "classes" },
  { sort: "ink", reverse: false, name: "Least ink first", phrase: "least ink first" },
  { sort: "ink", reverse: true, name: "Most ink first", phrase: "most ink first" },
  {
    sort: "distance",
    reverse: true,
    name: "Farthest from the mean",
    phrase: "farthest from the mean first",
  },
  {
    sort: "distance",
    reverse: false,
    name: "Closest to the mean",
    phrase: "closest to the mean first",
  },
];

export const sortOf = (sort, reverse) =>
  SORTS.find((one) => one.sort === sort && one.reverse === reverse) ?? SORTS[0];

/** "1,028 of 60,000 examples, label 4, farthest from the mean first". */
export function sentence(state, shown, total, nameOf) {
  const number = shown === total ? count(total) : `${count(shown)} of ${count(total)}`;
  const noun = total === 1 ? "example" : "examples";
  const names = state.labels.map(nameOf);
  const last = names.pop();
  const list = names.length ? `${names.join(", ")} and ${last}` : last;
  const labels = last === undefined ? "" : `, label${names.length ? "s" : ""} ${list}`;
  return `${number} ${noun}${labels}, ${sortOf(state.sort, state.reverse).phrase}`;
}
