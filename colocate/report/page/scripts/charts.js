// The charts, and the tables beside them, which hold the same numbers.

const percent = (value) => (value === null ? "–" : `${Math.round(100 * value)}${NBSP}%`);
/** Three significant digits or the whole number, as in colocate.report.text.numbers. */
const threeDigits = (value) => (value === null ? "–" : value.toFixed(Math.max(0, 2 - (value ? Math.floor(Math.log10(Math.abs(value))) : 0))));

/** Work over `cost`, a mark for each choice; `title` is that of the cost. `listenTo` lets pointer and keys reach marks. */
function drawChoices(choices, cost, title, listenTo) {
  const known = choices.filter((choice) => choice.work_share !== null && choice[cost] !== null);
  const holder = find("#pareto");
  holder.hidden = !known.length;
  find("#pareto-key").hidden = !known.length;
  if (!known.length) return;
  const costs = known.map((choice) => choice[cost]);
  const [least, most] = [Math.min(...costs), Math.max(...costs)];
  const room = 0.08 * (most - least) || 0.05 * Math.abs(most) || 1;
  const highest = Math.max(...known.map((choice) => choice.work_share));
  const chart = new Chart(holder, `Work of the safe choices against ${title}`,
    { title, lo: least - room, hi: most + room },
    { title: "% of the task's full speed", lo: 0, hi: Math.max(1, 108 * highest) });
  const own = run.networks.map((_, network) => known.filter((choice) => choice.network === network));
  own.forEach((each, network) => drawFront(chart, each, network, cost));
  // What matters lies on top of what does not; keys go from left to right all the same.
  const rank = (choice) => (choice.best_of_task ? 2 : choice.front[cost] ? 1 : 0);
  const drawn = [...known].sort((a, b) => rank(a) - rank(b)).map((choice) => [choice[cost], markOf(chart, choice, cost)]);
  const marks = drawn.sort(([a], [b]) => a - b).map(([, mark]) => mark);
  nameClumps(chart, known, cost);
  listenTo([marks]);
  const used = own.flatMap((each, network) => (each.length ? [network] : []));
  const filled = used.length === 1 ? colourOf(used[0]) : "var(--quiet)";
  // One network needs no key, and its mark would be that of a choice.
  find("#pareto-key").replaceChildren(...(used.length > 1 ? used.map(networkKey) : []), ...[
    legendLine([shape("path", { d: MARKS.star, style: `fill: ${filled}` })], "best choice of its task"),
    legendLine([shape("path", { d: MARKS.circle, style: `fill: ${filled}` })], `filled circle: no other does as much at less ${cost === "power_w" ? "power" : "slowdown"}`),
    legendLine([shape("path", { d: MARKS.circle, style: `fill: var(--paper); stroke: ${filled}` })], "empty: other safe choice"),
  ]);
}

function legendLine(shapes, words) {
  const line = make("li");
  line.append(swatch(...shapes), ` ${words}`);
  return line;
}

const networkKey = (network) => legendLine([shape("path", { d: MARKS[kindOf(network)], style: `fill: ${colourOf(network)}` })], run.networks[network]);

// Marks nearer than this, in pixels, are one clump to the eye; a letter is about so wide, a line of names so high.
const CLUMP = { x: 30, y: 14 };
const LETTER = 6.6;
const LINE = 15;
// More names than these would hide the chart.
const NAMED = 4;

/** Write beside each clump of marks what runs there, a name a line, where there is room. */
function nameClumps(chart, choices, cost) {
  const clumps = [];
  for (const choice of [...choices].sort((a, b) => a[cost] - b[cost])) {
    const [x, y] = [chart.at("x", choice[cost]), chart.at("y", 100 * choice.work_share)];
    const clump = clumps.find((each) => Math.abs(x - each.right) < CLUMP.x && Math.abs(y - each.y) < CLUMP.y);
    const name = choice.cell.task_name;
    if (!clump) clumps.push({ left: x, right: x, y, names: new Map([[name, { x, y }]]), best: choice.best_of_task, front: choice.front[cost] });
    else {
      clump.right = x;
      if (choice.best_of_task || !clump.names.has(name)) clump.names.set(name, { x, y });
      clump.best ||= choice.best_of_task;
      clump.front ||= choice.front[cost];
    }
  }
  const said = new Set();
  const taken = clumps.map(({ left, right, y }) => ({ left: left - 6, right: right + 6, top: y - 12, bottom: y + 12 }));
  for (const { left, right, y, names, front } of clumps.sort((a, b) => b.best - a.best)) {
    // From left to right, so that no line from a name to its mark crosses another.
    const all = [...names.keys()].sort((a, b) => names.get(a).x - names.get(b).x);
    const lines = all.length > NAMED ? [...all.slice(0, NAMED - 1), `and ${all.length - NAMED + 1} more`] : all;
    if (said.has(lines.join()) && !front) continue;
    const width = LETTER * Math.max(...lines.map((words) => words.length));
    // Above the line through the marks, but inside the chart.
    const top = Math.max(chart.ends.y[1], y - 6 - LINE * lines.length);
    const height = { top, bottom: top + LINE * lines.length };
    const after = { left: right + 12, right: right + 12 + width, ...height };
    const before = { left: left - 12 - width, right: left - 12, ...height };
    const free = (box) => chart.ends.x[0] <= box.left && box.right <= chart.ends.x[1] && chart.ends.y[1] <= box.top &&
      !taken.some((other) => box.top < other.bottom && other.top < box.bottom && box.left < other.right && other.left < box.right);
    // Lines to the marks lead to names that stand higher.
    const higher = { ...after, top: top - 3 * LINE, bottom: top - 3 * LINE + LINE * lines.length };
    const above = { left: (left + right - width) / 2, right: (left + right + width) / 2, top: y - 13 - LINE * lines.length, bottom: y - 13 };
    const box = [after, before, lines.length > 1 ? higher : above].find(free);
    if (!box) continue;
    taken.push(box);
    said.add(lines.join());
    const [x, kind] = box === before ? [box.right, "name y"] : box === above ? [(left + right) / 2, "name x"] : [box.left, "name"];
    (box === before ? lines.reverse() : lines).forEach((words, nth) => {
      const at = box.top + LINE * nth;
      const mark = lines.length > 1 && names.get(words);
      if (mark) chart.svg.append(shape("path", { d: `M${x + (box === before ? 3 : -3)} ${at + 6}H${mark.x}V${mark.y - 7}`, class: "leader" }));
      chart.svg.append(shape("text", { x, y: at + 10, class: kind }, words));
    });
  }
}

/** A line of steps through the choices on the front. */
function drawFront(chart, own, network, cost) {
  const front = own.filter((choice) => choice.front[cost]).sort((a, b) => a[cost] - b[cost]);
  const points = front.flatMap((choice, nth) => {
    const here = [choice[cost], 100 * choice.work_share];
    return nth ? [[choice[cost], 100 * front[nth - 1].work_share], here] : [here];
  });
  if (points.length > 1) chart.line(points, `stroke: ${colourOf(network)}; stroke-width: 1.5`);
}

function markOf(chart, choice, cost) {
  const colour = colourOf(choice.network);
  const kind = choice.best_of_task ? "star" : kindOf(choice.network);
  const filled = choice.front[cost] || choice.best_of_task;
  return chart.mark(choice[cost], 100 * choice.work_share, kind, `fill: ${filled ? colour : "var(--paper)"}; stroke: ${colour}`, {
    "data-cell": choice.number, tabindex: -1, role: "img", "aria-label": cellName(choice.cell),
  });
}

/** The best choice of each task, and those on the front of `cost`, as a table. */
function showChoices(choices, cost) {
  const body = find("#choices-table tbody");
  const titles = every("#choices-table th.number");
  find("#cost-name").textContent = cost === "power_w" ? "power" : "slowdown";
  body.replaceChildren();
  for (const choice of choices.filter((each) => each.best_of_task || each.front[cost])) {
    const row = body.insertRow();
    row.dataset.cell = choice.number;
    row.dataset.best = choice.best_of_task;
    row.dataset.front = choice.front[cost];
    const { placement, clocks } = run.places[choice.cell.place];
    const numbers = [
      choice.cell.latency_ms.p95 ?? "–", percent(choice.work_share), threeDigits(choice.power_w), choice.per_j === null ? "–" : `${threeDigits(100 * choice.per_j)}${NBSP}%/W`, choice.slowdown === null ? "–" : choice.slowdown.toFixed(3),
    ];
    row.append(
      make("th", run.networks[choice.network], { scope: "row" }),
      make("td", `${placement}, ${clocks}`, { class: "where" }),
      make("td", choice.cell.ran, { class: "task" }),
      ...numbers.map((text, nth) => make("td", text, { class: "number", "data-name": titles[nth].textContent })),
    );
  }
  if (!choices.length) body.insertRow().append(make("td", "Nothing is SAFE under these limits.", { colspan: 8 }));
}

const lineStyle = (cell) => (cell.judged ? `stroke: ${colourOf(cell.task)}; stroke-width: 2; stroke-dasharray: ${dashOf(cell.task)}` : "stroke: var(--quiet); stroke-width: 4; opacity: 0.6");

/** The latencies at a place, alone and beside each task, and the `limit` on them: an arrow where it lies beyond them. */
function drawDistribution(place, limit) {
  const own = run.cells.filter((cell) => cell.place === place && cell.curve_ms.length);
  const holder = find("#distribution");
  holder.hidden = !own.length;
  showLatencies(own);
  if (!own.length) return;
  // A lone extreme would squeeze the rest: the axis ends where all but one in two hundred do.
  const last = run.levels.indexOf(0.995);
  const lo = Math.min(...own.map((cell) => cell.curve_ms[0])) / 1.01;
  const hi = Math.max(...own.map((cell) => cell.curve_ms[last])) * 1.01;
  const chart = new Chart(holder, "Share of inferences over latency",
    { title: "latency, ms", lo, hi, log: true }, { title: "% of inferences", lo: -1, hi: 101, ticks: [0, 25, 50, 75, 95, 100] });
  for (const cell of own) chart.line(cell.curve_ms.map((ms, level) => [ms, 100 * run.levels[level]]), lineStyle(cell));
  if (limit) chart.limit(limit.ms, limit.words);
}

/** The legend of the lines, with the latencies that they show. */
function showLatencies(own) {
  find("#latencies-table tbody").replaceChildren(...own.map((cell) => {
    const row = make("tr");
    const line = make("td");
    line.append(swatch(shape("path", { d: "M-18 0H18", style: `${lineStyle(cell)}; fill: none` })));
    const { p50, p95, p99 } = cell.latency_ms;
    const numbers = [p50, p95, p99, cell.max_ms].map((ms) => make("td", ms ?? "–", { class: "number" }));
    row.append(line, make("th", cell.task, { scope: "row" }), ...numbers);
    return row;
  }));
}
