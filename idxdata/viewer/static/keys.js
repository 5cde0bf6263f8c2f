// What keys do, wherever they are not somebody's text or somebody's button.

const $ = (id) => document.getElementById(id);

/** `step(by)` and `choose(at)` move the choice, `position()` tells it. */
export function listen({ grid, step, choose, position }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isText = event.target.closest("input, select, textarea") !== null;
    if (event.key === "Escape") {
      if (isText) $("grid").focus({ preventScroll: true });
      else choose(null);
      return;
    }
    if (isText) return;
    if (event.key === "/") {
      event.preventDefault();
      $("row").focus();
      $("row").select();
      return;
    }
    // Those two scroll by the same keys.
    const scrollsItself = event.target.closest("#table, pre") !== null;
    if (scrollsItself) return;
    if (move(event.key, { grid, step, choose, position })) event.preventDefault();
  });
}

/** Whether the key meant a move. */
function move(key, { grid, step, choose, position }) {
  const page = grid.columns * grid.rowsInSight;
  const steps = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -grid.columns,
    ArrowDown: grid.columns,
    PageUp: -page,
    PageDown: page,
  };
  if (!grid.count) return false;
  if (key === "Home") choose(0);
  else if (key === "End") choose(grid.count - 1);
  else if (key in steps) {
    const at = position();
    const next = at + steps[key];
    // Up from the first row, and down from the last, stay in their column.
    const isOut = Math.abs(steps[key]) >= grid.columns && (next < 0 || next >= grid.count);
    if (at !== null && isOut && !key.startsWith("Page")) return true;
    step(steps[key]);
  } else return false;
  return true;
}
