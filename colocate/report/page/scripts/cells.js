// All of one cell, under the pointer and on focus, which the arrow keys move.

const tip = find("#tip");

/** Show all that is known of the cell of `td`, and the `ruling` on it. */
function showTip(td, ruling) {
  const cell = run.cells[td.dataset.cell];
  const verdict = make("span", ruling ? bandWords(ruling.verdict) : "", { class: "band", "data-verdict": ruling?.verdict ?? "" });
  const why = make("span", ruling?.reasons.length ? ` ${ruling.reasons.join("; ")}` : "");
  tip.replaceChildren(make("b", cellName(cell)), ...(ruling ? [verdict, why] : []), make("div", cell.size, { class: "quiet" }), quantitiesOf(cell));
  if (cell.warnings.length) {
    const list = tip.appendChild(make("ul"));
    list.append(...cell.warnings.map((warning) => make("li", run.warnings[warning])));
  }
  tip.hidden = false;
  putTip(td.getBoundingClientRect());
  td.setAttribute("aria-describedby", "tip");
}

function quantitiesOf(cell) {
  const table = make("table");
  const head = table.createTHead().insertRow();
  for (const title of ["", "value", "bounds, whole table", "95 %, this cell alone"]) head.append(make("th", title));
  if (!cell.rows.some((row) => row[3])) head.lastChild.remove();
  const body = table.createTBody();
  for (const [name, ...rest] of cell.rows) {
    const row = body.insertRow();
    row.append(make("th", name), ...rest.slice(0, head.cells.length - 1).map((text) => make("td", text)));
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

function hideTip(td) {
  tip.hidden = true;
  td.removeAttribute("aria-describedby");
}

const STEPS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0], Home: [0, -Infinity], End: [0, Infinity] };

const measured = (td) => td?.dataset.cell !== undefined;

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

/** Let pointer and keys reach every cell of `table`. `rulingOf` has the ruling on a cell, `choose` is given a chosen one. */
function listen(table, rulingOf, choose) {
  const grid = [...table.tBodies[0].rows].map((row) => every("td", row));
  const first = grid.flat().find(measured);
  if (first) first.tabIndex = 0;
  grid.forEach((row, y) => row.forEach((td, x) => {
    if (!measured(td)) return;
    const show = () => showTip(td, rulingOf(td.dataset.cell));
    td.addEventListener("pointerenter", show);
    td.addEventListener("pointerleave", () => hideTip(td));
    td.addEventListener("focus", () => {
      every('[tabindex="0"]', table).forEach((other) => (other.tabIndex = -1));
      td.tabIndex = 0;
      show();
    });
    td.addEventListener("blur", () => hideTip(td));
    td.addEventListener("click", () => choose(run.cells[td.dataset.cell]));
    td.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return hideTip(td);
      const chosen = event.key === "Enter" || event.key === " ";
      const step = STEPS[event.key];
      if (!chosen && !step) return;
      event.preventDefault();
      if (chosen) td.click();
      else stepped(grid, y, x, step)?.focus();
    });
  }));
}
