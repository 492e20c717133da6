// The matrix: in every cell its verdict, and what decided it or the value that is asked for.

const tiles = every("td[data-cell]");

/** Colours: ratios and shares from where nothing changes, over the page; amounts over their own network. */
function spanOf(view, network) {
  const own = run.cells.filter((cell) => cell.judged && (view.scale !== "AMOUNT" || run.places[cell.place].network === network));
  const coloured = own.map((cell) => cell.shown[view.key]).filter((shown) => shown?.significant);
  if (!coloured.length) return null;
  const least = coloured.reduce((a, b) => (b.value < a.value ? b : a));
  const most = coloured.reduce((a, b) => (b.value > a.value ? b : a));
  if (view.scale === "RATIO") return { from: 0, to: Math.log(Math.max(most.value, 1.001)), on: Math.log, words: ["1", most.words] };
  if (view.scale === "SHARE") return { from: 0, to: Math.max(most.value, 0.001), on: Number, words: ["0 %", most.words] };
  return { from: Math.log(least.value), to: Math.log(most.value), on: Math.log, words: ["least", "most of each network"] };
}

/** How far from pale to dark a tile is, 0 to 1. */
function shareOf(cell, view, span) {
  const shown = cell.shown[view.key];
  const share = shown?.significant && span && cell.judged ? (span.on(shown.value) - span.from) / (span.to - span.from || 1) : 0;
  return Math.min(1, Math.max(0, share));
}

/** Fill all cells: with `view`, or where there is none with what decided each of `rulings`. Those of `choices` that are the best of their task have a star. */
function showMatrix(view, rulings, choices) {
  const best = new Set(choices.filter((choice) => choice.best_of_task).map((choice) => String(choice.number)));
  find("#matrix").classList.toggle("by-verdict", !view);
  const spans = run.networks.map((_, network) => (view ? spanOf(view, network) : null));
  for (const td of tiles) {
    const cell = run.cells[td.dataset.cell];
    const ruling = rulings[td.dataset.cell];
    td.classList.toggle("alone", !cell.judged);
    td.replaceChildren(...(cell.judged ? [bandIn(td, ruling, best.has(td.dataset.cell))] : []), ...(view || !cell.judged ? valueOf(cell, view) : decisionOf(cell, ruling)));
    td.style.setProperty("--t", view ? shareOf(cell, view, spans[run.places[cell.place].network]).toFixed(3) : "0");
  }
  const ramp = find("#ramp");
  const words = spans.find(Boolean)?.words;
  ramp.hidden = !words;
  if (words) [find(".from", ramp).textContent, find(".to", ramp).textContent] = words;
}

/** The first cell in the table that is SAFE, if any. */
const firstSafe = () => tiles.find((td) => td.dataset.verdict === "SAFE");

function bandIn(td, ruling, best) {
  td.dataset.verdict = ruling?.verdict ?? "";
  td.dataset.decided = ruling?.deciding.quantity ?? "";
  return ruling ? bandOf(ruling.verdict, `${bandWords(ruling.verdict)}${best ? " ★" : ""}`) : bandOf("", "no limit set");
}

/** The value of `view` with a mark where it is not significant, and its bounds; of a network alone what stands for it. */
function valueOf(cell, view) {
  if (!cell.judged && !view) {
    const alone = cell.latency_ms.p95 ? `${cell.latency_ms.p95}${NBSP}ms` : "";
    const power = cell.power_w === null ? [] : [make("span", `${threeDigits(cell.power_w)}${NBSP}W`, { class: "value" })];
    return [make("span", alone || "–", { class: "value" }), make("span", alone && "p95", { class: "span" }), ...power];
  }
  const shown = cell.shown[view.key];
  const instead = cell.judged || shown ? null : cell.shown[view.alone];
  const words = shown ? amount(shown, view) : instead ? amount(instead, views.get(view.alone)) : "–";
  return [valueWith(words, shown?.mark), make("span", shown?.span ?? "", { class: "span" })];
}

const amount = (shown, { unit }) => (unit ? `${shown.words}${NBSP}${unit}` : shown.words);

function valueWith(words, mark = "") {
  const value = make("span", words, { class: "value" });
  if (mark) value.append(" ", make("small", mark));
  return value;
}

/** The quantity that decided a cell, its bounds, and its limit. */
function decisionOf(cell, ruling) {
  if (!ruling) return [];
  const { quantity, limit, verdict } = ruling.deciding;
  const view = views.get(quantity);
  const shown = cell.shown[quantity];
  const value = make("span", shown ? amount(shown, view) : "–", { class: "value" });
  if (shown?.span) value.append(" ", make("small", shown.span, { class: "bounds" }));
  const sign = { SAFE: " ≤", UNSAFE: " >", UNDECIDED: ", limit" }[verdict];
  return [value, make("span", `${view.label}${sign}${NBSP}${limitWords(quantity, limit)}`, { class: "span" })];
}

/** A limit with its unit, as it was set. */
function limitWords(quantity, limit) {
  const { scale = 1, unit } = Object.values(LIMITS).find(({ at }) => [...find("#percentile").options].some(({ value }) => at(value) === quantity));
  return quantity === "work_loss_ratio" ? shareWords(limit) : `${digits(limit * scale)}${NBSP}${unit}`;
}
