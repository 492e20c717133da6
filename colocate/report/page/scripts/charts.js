// The charts, and the table of choices beside the first.

/** Plotly reads a text as its own mark-up, and between dollars as mathematics; a name is neither. */
const escaped = (name) => name.replace(/[&<>$%]/g, (mark) => `&#${mark.charCodeAt(0)};`);
const MARKS = ["circle", "square", "diamond", "triangle-up", "cross", "hexagon"];
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];

const percent = (value) => (value === null ? "–" : `${(100 * value).toFixed(1)} %`);
const rounded = (value, decimals) => (value === null ? "–" : value.toFixed(decimals));

function theme() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  return { ink: colour("--ink"), quiet: colour("--quiet"), rule: colour("--rule"), paper: colour("--paper"), series: colour("--series").split(" ") };
}

function draw(id, traces, x, y) {
  const chart = document.getElementById(id);
  chart.hidden = !traces.length;
  if (!window.Plotly || chart.hidden) return;
  const { ink, quiet, rule, paper } = theme();
  const axis = (title, more) => ({
    title: { text: title }, gridcolor: rule, linecolor: quiet, zeroline: false, ticks: "outside", tickcolor: rule, automargin: true, ...more,
  });
  Plotly.react(chart, traces, {
    margin: { l: 60, r: 15, t: 10, b: 50 },
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: ink },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    hoverlabel: { bgcolor: paper, bordercolor: quiet, font: { color: ink }, align: "left" },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    xaxis: axis(...x), yaxis: axis(...y), hovermode: "closest", dragmode: false, showlegend: true,
  }, { displayModeBar: false, responsive: true });
}

/** Work over `cost`; `percentile` is that of the slowdown. */
function drawChoices(choices, cost, percentile) {
  const traces = run.networks.flatMap((_, network) => {
    const own = choices.filter((choice) => choice.network === network && choice.work_share !== null && choice[cost] !== null);
    return own.length ? choiceTraces(own, network, cost) : [];
  });
  const title = cost === "power_w" ? "power of the board, W" : `slowdown, ${percentile}`;
  draw("pareto", traces, [title, {}], ["work, % of the task's best alone", { rangemode: "tozero" }]);
}

/** The choices of a network as marks, with a line through those on the front. */
function choiceTraces(own, network, cost) {
  const { series, paper } = theme();
  const colour = series[network % series.length];
  const front = own.filter((choice) => choice.front[cost]).sort((a, b) => a[cost] - b[cost]);
  const percentOf = (choice) => 100 * choice.work_share;
  return [
    {
      x: front.map((choice) => choice[cost]), y: front.map(percentOf), mode: "lines",
      line: { color: colour, width: 1.5, shape: "hv" }, hoverinfo: "skip", showlegend: false,
    },
    {
      x: own.map((choice) => choice[cost]), y: own.map(percentOf), mode: "markers", name: escaped(run.networks[network]),
      marker: {
        color: own.map((choice) => (choice.front[cost] ? colour : paper)), size: own.map((choice) => (choice.recommended ? 15 : 8)),
        symbol: own.map((choice) => (choice.recommended ? "star" : MARKS[network % MARKS.length])), line: { color: colour, width: 1.5 },
      },
      hoverinfo: "text",
      hovertext: own.map(hoverText),
    },
  ];
}

function hoverText(choice) {
  return [
    `<b>${escaped(run.networks[choice.network])}</b>, ${escaped(placeName(run.places[choice.cell.place]))}`,
    escaped(taskOf(choice)),
    `p50 ${choice.cell.p50 ?? "–"} ms, p95 ${choice.cell.p95 ?? "–"} ms, work ${percent(choice.work_share)}, ${rounded(choice.power_w, 2)} W, slowdown ${rounded(choice.slowdown, 3)}`,
    choice.recommended ? "recommended" : "",
  ].filter(Boolean).join("<br>");
}

/** The recommended choices, and those on the front of `cost`, as a table. */
function showChoices(choices, cost) {
  const body = find("#choices-table tbody");
  body.replaceChildren();
  for (const choice of choices.filter((each) => each.recommended || each.front[cost])) {
    const row = body.insertRow();
    row.dataset.cell = choice.number;
    row.dataset.recommended = choice.recommended;
    row.dataset.front = choice.front[cost];
    const { placement, clocks } = run.places[choice.cell.place];
    const numbers = [
      choice.cell.p95 ?? "–", percent(choice.work_share), rounded(choice.power_w, 2), choice.per_j === null ? "–" : `${rounded(1000 * choice.per_j, 1)} s`, rounded(choice.slowdown, 3),
    ];
    row.append(
      make("th", run.networks[choice.network], { scope: "row" }),
      make("td", `${placement}, ${clocks}${choice.recommended ? " ★" : ""}`, { class: "where" }),
      make("td", taskOf(choice)),
      ...numbers.map((text) => make("td", text, { class: "number" })),
    );
  }
  if (!choices.length) body.insertRow().append(make("td", "Nothing is SAFE under these limits.", { colspan: 8 }));
}

/** The latencies at a place, alone and beside each task. */
function drawDistribution(place) {
  const { series, quiet } = theme();
  const own = run.cells.filter((cell) => cell.place === place && cell.curve_ms.length);
  const traces = own.map((cell, nth) => ({
    x: cell.curve_ms, y: run.levels.map((level) => 100 * level), mode: "lines",
    name: `${escaped(cell.task)}, at most ${cell.curve_ms.at(-1)} ms`,
    line: cell.judged ? { color: series[(nth - 1 + series.length) % series.length], width: 2, dash: DASHES[nth % DASHES.length] } : { color: quiet, width: 3 },
    hovertemplate: "%{x:.4g} ms, %{y:.4g} %",
  }));
  // A lone extreme would squeeze the rest: the axis ends where all but one in two hundred do.
  const last = run.levels.indexOf(0.995);
  const range = [Math.min(...own.map((cell) => cell.curve_ms[0])) / 1.01, Math.max(...own.map((cell) => cell.curve_ms[last])) * 1.01];
  draw("distribution", traces, ["latency, ms", { type: "log", nticks: 12, range: range.map(Math.log10) }], ["% of inferences", { tickvals: [0, 25, 50, 75, 95, 100], range: [-1, 101] }]);
}

/** Plotly comes as text, and runs from the first time that a chart is wanted; then `drawAll` is called. */
function drawOnSight(drawAll) {
  const start = () => {
    watch.disconnect();
    if (window.Plotly) return;
    document.body.append(make("script", find("#plotly").textContent));
    drawAll();
  };
  const watch = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && start(), { rootMargin: "400px" });
  every(".chart").forEach((chart) => watch.observe(chart.parentElement));
  for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", drawAll);
  addEventListener("beforeprint", start);
}
