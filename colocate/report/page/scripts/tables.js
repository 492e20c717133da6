// The tables: values with their colours, and a band with the verdict in every tile.

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
  return { from: Math.log(least.value), to: Math.log(most.value), on: Math.log, words: [least.words, most.words] };
}

function showValues(view) {
  const spans = run.networks.map((_, network) => spanOf(view, network));
  for (const td of tiles) {
    const cell = run.cells[td.dataset.cell];
    showValue(td, cell, view);
    td.style.setProperty("--t", shareOf(cell, view, spans[run.places[cell.place].network]).toFixed(3));
    td.classList.toggle("alone", !cell.judged);
  }
  for (const ramp of every(".ramp")) {
    const words = spans[ramp.dataset.network]?.words;
    ramp.hidden = !words;
    if (words) [find(".from", ramp).textContent, find(".to", ramp).textContent] = words;
  }
}

/** The value with a mark where it is not significant, and its bounds; of a network alone what stands in for them. */
function showValue(td, cell, view) {
  const shown = cell.shown[view.key];
  const instead = cell.judged || shown ? null : cell.shown[view.alone];
  const words = shown ? shown.words : instead ? `${instead.words} ${views.get(view.alone).unit}` : "–";
  find(".value", td).replaceChildren(words, ...(shown?.mark ? [" ", make("small", shown.mark)] : []));
  find(".span", td).textContent = shown ? shown.span : "";
}

/** How far from pale to dark a tile is, 0 to 1. */
function shareOf(cell, view, span) {
  const shown = cell.shown[view.key];
  const share = shown?.significant && span && cell.judged ? (span.on(shown.value) - span.from) / (span.to - span.from || 1) : 0;
  return Math.min(1, Math.max(0, share));
}

const bandWords = (verdict) => `${SYMBOLS[verdict]} ${verdict}`;

function showVerdicts(rulings) {
  for (const td of tiles) {
    if (!run.cells[td.dataset.cell].judged) continue;
    const verdict = rulings[td.dataset.cell]?.verdict ?? "";
    td.dataset.verdict = verdict;
    const band = find(".band", td) ?? td.appendChild(make("span", "", { class: "band" }));
    band.dataset.verdict = verdict;
    band.textContent = verdict ? bandWords(verdict) : "no limit set";
  }
}

/** How many cells have each verdict; where there is none, `problem` says why. */
function showTally(rulings, problem) {
  const bands = counted(rulings).map(([verdict, count]) =>
    make("span", `${SYMBOLS[verdict]} ${count} ${verdict}`, { class: "band", "data-verdict": verdict }),
  );
  find("#tally").replaceChildren(...(problem ? [problem] : bands));
}

/** Under what was found for each table: how its cells are judged, and which choice is best. */
function showLive(rulings, choices) {
  for (const line of every(".live")) {
    const numbers = every(`table[data-table="${line.dataset.table}"] td[data-verdict]`).map((td) => td.dataset.cell);
    const places = new Set(numbers.map((number) => run.cells[number].place));
    const counts = counted(numbers.map((number) => rulings[number])).filter(([, count]) => count);
    const best = choices.find((choice) => choice.recommended && places.has(choice.cell.place));
    const advice = best ? ` Recommended: ${taskOf(best)} at ${run.places[best.cell.place].clocks}.` : "";
    line.textContent = counts.length ? `Under the limits below: ${counts.map(([verdict, count]) => `${count} ${verdict}`).join(", ")}.${advice}` : "";
  }
}
