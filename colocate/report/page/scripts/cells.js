// All of one cell, under the pointer and on focus, which the arrow keys move: in the matrix and among marks.

const tip = find("#tip");

/** Show all that is known of the cell of `element`, and the `ruling` on it. */
function showTip(element, ruling) {
  const cell = run.cells[element.dataset.cell];
  const why = make("span", ruling?.reasons.length ? ` ${ruling.reasons.join("; ")}` : "");
  tip.replaceChildren(make("b", cellName(cell)), ...(ruling ? [bandOf(ruling.verdict), why] : []), make("div", cell.size, { class: "quiet" }), quantitiesOf(cell));
  if (cell.warnings.length) {
    const list = tip.appendChild(make("ul"));
    list.append(...cell.warnings.map((warning) => make("li", run.warnings[warning])));
  }
  find("[aria-describedby='tip']")?.removeAttribute("aria-describedby");
  tip.hidden = false;
  putTip(element.getBoundingClientRect());
  element.setAttribute("aria-describedby", "tip");
}

function quantitiesOf(cell) {
  const table = make("table");
  const head = table.createTHead().insertRow();
  for (const title of ["", "value", "bounds, for all cells at once"]) head.append(make("th", title));
  const body = table.createTBody();
  for (const [name, ...rest] of cell.rows) {
    const row = body.insertRow();
    row.append(make("th", name), ...rest.map((text) => make("td", text)));
  }
  return table;
}

/** Below the cell where there is room, else above it. */
function putTip(at) {
  const below = at.bottom + 6;
  const top = below + tip.offsetHeight <= innerHeight ? below : Math.max(4, at.top - 6 - tip.offsetHeight);
  tip.style.left = `${Math.max(4, Math.min(at.left, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${top}px`;
}

function hideTip(element) {
  // It may show another cell by now.
  if (element.hasAttribute("aria-describedby")) tip.hidden = true;
  element.removeAttribute("aria-describedby");
}

const STEPS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0], Home: [0, -Infinity], End: [0, Infinity] };

const measured = (element) => element?.dataset.cell !== undefined;

/** The cell that `step` leads to from row `y` and column `x`, if any: over what was not measured; at an edge it stays. */
function stepped(grid, y, x, [down, right]) {
  const clamp = (value, length) => Math.max(0, Math.min(length - 1, value));
  let [y2, x2] = [clamp(y + down, grid.length), clamp(x + right, grid[y].length)];
  while (grid[y2]?.[x2] && !measured(grid[y2][x2]) && Number.isFinite(down + right)) {
    [y2, x2] = [y2 + down, x2 + right];
  }
  const next = grid[y2]?.[x2];
  return measured(next) ? next : null;
}

/**
 * Let pointer and keys reach every element of `grid`, rows of those that stand for a cell. `rulingOf` has the ruling
 * on a cell, `choose` is given a chosen one.
 */
function listen(grid, rulingOf, choose) {
  const all = grid.flat().filter(measured);
  if (all.length) all[0].tabIndex = 0;
  grid.forEach((row, y) => row.forEach((element, x) => {
    if (!measured(element)) return;
    const show = () => showTip(element, rulingOf(element.dataset.cell));
    // Not on entering: a table that scrolls under a resting pointer would hide the cell in focus.
    element.addEventListener("pointermove", () => element.getAttribute("aria-describedby") || show());
    element.addEventListener("pointerleave", () => hideTip(element));
    element.addEventListener("focus", () => {
      all.forEach((other) => (other.tabIndex = -1));
      element.tabIndex = 0;
      show();
    });
    element.addEventListener("blur", () => hideTip(element));
    const choosing = () => choose(run.cells[element.dataset.cell]);
    element.addEventListener("click", choosing);
    element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return hideTip(element);
      const chosen = event.key === "Enter" || event.key === " ";
      const step = STEPS[event.key];
      if (!chosen && !step) return;
      event.preventDefault();
      if (chosen) choosing();
      else stepped(grid, y, x, step)?.focus();
    });
  }));
}
