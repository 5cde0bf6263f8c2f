// What is looked at, as the part of the address after "#", so that it can be shared.

const NUMBER = /^\d{1,15}$/;

/** The state in the address; what it does not say, or says wrongly, is as in `usual`. */
export function read(usual) {
  const said = new URLSearchParams(location.hash.slice(1));
  const number = (name) => (NUMBER.test(said.get(name) ?? "") ? Number(said.get(name)) : null);
  return {
    ...usual,
    part: said.get("part") ?? usual.part,
    labels: (said.get("labels") ?? "").split(",").filter((label) => /^-?\d{1,20}$/.test(label)),
    sort: said.get("sort") ?? usual.sort,
    reverse: said.get("reverse") === "1",
    row: number("row"),
    size: number("size"),
    invert: said.get("invert") === "1",
  };
}

/** Puts a state into the address, without a step in the browser's history. */
export function write(state, usual) {
  const said = new URLSearchParams();
  if (state.part !== usual.part) said.set("part", state.part);
  if (state.labels.length) said.set("labels", state.labels.join(","));
  if (state.sort !== usual.sort) said.set("sort", state.sort);
  if (state.reverse) said.set("reverse", "1");
  if (state.row !== null) said.set("row", state.row);
  if (state.size !== null) said.set("size", state.size);
  if (state.invert) said.set("invert", "1");
  const text = said.toString().replaceAll("%2C", ",");
  if (text !== location.hash.slice(1)) {
    history.replaceState(null, "", text ? `#${text}` : location.pathname);
  }
}
