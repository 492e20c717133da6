"use strict";
// The tables, the limits and the charts of one run. Names come from users: they go into the page as text alone.
(() => {
  const run = JSON.parse(document.getElementById("run").textContent);
  const find = (selector, within = document) => within.querySelector(selector);
  const every = (selector, within = document) => [...within.querySelectorAll(selector)];
  const form = find("#limits");
  if (!form) return;

  const SYMBOLS = { SAFE: "✓", UNSAFE: "✕", UNDECIDED: "?" };
  const VERDICTS = Object.keys(SYMBOLS);
  const views = new Map(run.views.map((view) => [view.key, view]));
  const tasks = run.networks.map(
    (_, network) => new Set(run.cells.filter((c) => c.judged && run.places[c.place].network === network).map((c) => c.task_id)).size,
  );

  function make(tag, text = "", attributes = {}) {
    const element = document.createElement(tag);
    element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  // ---- the rule, as in colocate.study.advice

  function check(cell, quantity, limit) {
    const bound = cell.bounds[quantity];
    const name = views.get(quantity).label;
    if (!bound) return { verdict: "UNDECIDED", reason: `${name}: ${cell.absent[quantity]}` };
    const [value, lo, hi] = bound;
    if (lo !== null && lo > limit) return { verdict: "UNSAFE", reason: `${name} breaks its limit` };
    if (hi !== null && hi <= limit) return { verdict: "SAFE", reason: "" };
    const withheld = cell.withheld[quantity];
    if (withheld && value <= limit) return { verdict: "UNDECIDED", reason: `${name} is within its limit but has the warning ${withheld}` };
    if (cell.short.includes(quantity)) return { verdict: "UNDECIDED", reason: `${name} has no interval yet: it takes two blocks` };
    return { verdict: "UNDECIDED", reason: `the bounds of ${name} hold its limit` };
  }

  function judge(cell, limits) {
    const checks = Object.entries(limits).map(([quantity, limit]) => check(cell, quantity, limit));
    const some = (verdict) => checks.some((each) => each.verdict === verdict);
    const verdict = some("UNSAFE") ? "UNSAFE" : some("UNDECIDED") ? "UNDECIDED" : "SAFE";
    return { verdict, reasons: checks.filter((each) => each.verdict === verdict && each.reason).map((each) => each.reason) };
  }

  const total = (parts) => (parts.some((part) => part === null) ? null : parts.reduce((sum, part) => sum + part, 0));

  function choicesOf(rulings, slowdown) {
    const safe = new Map();
    run.cells.forEach((cell, number) => {
      if (rulings[number]?.verdict === "SAFE") safe.set(cell.place, [...(safe.get(cell.place) ?? []), cell]);
    });
    const choices = [...safe].map(([number, cells]) => {
      const place = run.places[number];
      const turns = tasks[place.network];
      const work = total(cells.map((cell) => cell.work_share));
      const power = total([...cells.map((cell) => cell.power_w), ...Array(turns - cells.length).fill(place.solo_power_w)]);
      const slowdowns = cells.map((cell) => cell.bounds[slowdown]?.[0] ?? null);
      return {
        number,
        network: place.network,
        cells,
        work_share: work === null ? null : work / turns,
        power_w: power === null ? null : power / turns,
        per_j: work === null || !power ? null : work / power,
        slowdown: slowdowns.includes(null) ? null : Math.max(...slowdowns),
      };
    });
    return run.networks.flatMap((_, network) => ranked(choices.filter((choice) => choice.network === network)));
  }

  const column = (choices, key) => {
    const values = choices.map((choice) => choice[key]);
    return values.length && !values.includes(null) ? values : null;
  };

  /** The choices of one network, with the recommended one marked, and for each cost those that no other betters. */
  function ranked(choices) {
    const work = column(choices, "work_share");
    const score = column(choices, "per_j") ?? work ?? choices.map((choice) => choice.cells.length);
    const best = score.indexOf(Math.max(...score));
    const front = (key) => {
      const cost = column(choices, key);
      const betters = (j, i) => work[j] >= work[i] && cost[j] <= cost[i] && (work[j] !== work[i] || cost[j] !== cost[i]);
      return choices.map((_, i) => Boolean(work && cost) && !choices.some((_, j) => betters(j, i)));
    };
    const fronts = { power_w: front("power_w"), slowdown: front("slowdown") };
    return choices.map((choice, i) => ({
      ...choice,
      recommended: i === best,
      front: { power_w: fronts.power_w[i], slowdown: fronts.slowdown[i] },
    }));
  }

  // ---- the limits

  const digits = (value) => String(Number(value.toPrecision(4)));

  /** One control: a checkbox, a slider and a number, of which the number is what counts. */
  class Limit {
    constructor(name) {
      this.box = find(`[data-limit="${name}"]`);
      this.on = find(".on", this.box);
      this.slider = find('input[type="range"]', this.box);
      this.number = find('input[type="number"]', this.box);
      this.slider.addEventListener("input", () => this.set(this.at(this.slider.value / 1000), true));
      this.number.addEventListener("input", () => this.moved());
      this.on.addEventListener("change", update);
    }

    /**
     * Serve `quantity`, whose numbers are shown times `scale`; those between `lowest` and `highest` make sense. Begin
     * at `start`, unless the number that is there has the same meaning.
     */
    serve(quantity, { scale = 1, unit = "", lowest = 0, highest = Infinity, wanted = "", start = null }) {
      const kept = this.unit === unit;
      Object.assign(this, { quantity, scale, unit, lowest, highest, wanted });
      find(".unit", this.box).textContent = unit;
      const ends = run.cells.flatMap((cell) => (cell.bounds[quantity] ? [cell.bounds[quantity]] : []));
      this.known = ends.length > 0;
      const values = ends.map(([value]) => value).filter((value) => value !== null);
      const most = Math.max(...values);
      // With few blocks an upper bound may be millions: beyond three times the greatest value no slider is needed.
      const top = Math.max(...ends.map(([, , hi]) => Math.min(hi ?? most, 3 * Math.abs(most))), most);
      const least = Math.min(...ends.map(([value, lo]) => Math.max(lo ?? value, lowest)), ...values);
      if (quantity === "work_loss_ratio") this.range = [0.005, Math.min(0.995, Math.max(0.1, 1.1 * top))];
      else if (lowest === 1) this.range = [1.001, Math.max(1.1, 1 + 1.1 * (top - 1))];
      else this.range = [least * 0.98, top * 1.02];
      if (!this.known) this.range = [lowest === 1 ? 1.001 : 0.01, 2];
      if (kept) this.moved(false);
      else this.set(start ?? this.range[1], false);
    }

    at(share) {
      const [from, to] = this.range;
      return from * (to / from) ** share;
    }

    set(value, on) {
      this.number.value = digits(value * this.scale);
      this.moved(on);
    }

    moved(on = true) {
      if (on) this.on.checked = true;
      const [from, to] = this.range;
      const share = Math.log(this.number.value / this.scale / from) / Math.log(to / from);
      if (document.activeElement !== this.slider) this.slider.value = 1000 * Math.min(1, Math.max(0, share || 0));
      this.slider.setAttribute("aria-valuetext", `${this.number.value} ${this.unit}`.trim());
      if (on) update();
    }

    /** What is set: null where nothing is, undefined where it makes no sense. */
    get value() {
      if (!this.on.checked) return null;
      const value = this.number.value === "" ? NaN : Number(this.number.value) / this.scale;
      return this.lowest < value && value < this.highest ? value : undefined;
    }

    show() {
      const invalid = this.value === undefined;
      this.box.classList.toggle("off", !this.on.checked);
      this.number.setAttribute("aria-invalid", invalid);
      const unknown = this.on.checked && !this.known ? `${views.get(this.quantity).label} is known in no cell` : "";
      find(".problem", this.box).textContent = invalid ? `must be ${this.wanted}` : unknown;
    }

    get words() {
      return `${views.get(this.quantity).label} ≤ ${this.number.value} ${this.unit}`.trim();
    }
  }

  const latencyAs = find("#latency-as");
  const quantile = find("#quantile");
  const latency = new Limit("latency");
  const power = new Limit("power");
  const work = new Limit("work");
  const controls = [latency, power, work];

  function serveLatency() {
    if (latencyAs.value === "slowdown") {
      latency.serve(`slowdown_${quantile.value}`, { unit: "×", lowest: 1, start: 1.05, wanted: "above 1, as in 1.2 for 20 % slower" });
    } else {
      latency.serve(`latency_${quantile.value}_s`, { scale: 1e3, unit: "ms", wanted: "above 0" });
    }
  }

  // ---- the tables

  const tds = every("td[data-cell]");
  const placeName = (place) => [place.placement, place.clocks === "native" ? "native clocks" : `${place.clocks} (CPU/GPU)`].join(", ");
  const nameOf = (cell) => {
    const place = run.places[cell.place];
    const name = run.networks[place.network];
    return `${name} ${cell.judged ? `beside ${cell.task}` : "alone"}, ${placeName(place)}`;
  };
  let rulings = [];
  let view = views.get(find("#view").value);

  /** Colours: ratios and shares from where nothing changes, over the page; amounts over their own network. */
  function spanOf(network) {
    const own = run.cells.filter((cell) => cell.judged && cell.shown[view.key]?.[3] && (view.scale !== "AMOUNT" || run.places[cell.place].network === network));
    const values = own.map((cell) => cell.shown[view.key]);
    if (!values.length) return null;
    const least = values.reduce((a, b) => (b[0] < a[0] ? b : a));
    const most = values.reduce((a, b) => (b[0] > a[0] ? b : a));
    const plain = (words) => words.replace("~", "");
    if (view.scale === "RATIO") return { from: 0, to: Math.log(Math.max(most[0], 1.001)), on: Math.log, words: ["1", plain(most[1])] };
    if (view.scale === "SHARE") return { from: 0, to: Math.max(most[0], 0.001), on: Number, words: ["0 %", plain(most[1])] };
    return { from: Math.log(least[0]), to: Math.log(most[0]), on: Math.log, words: [plain(least[1]), plain(most[1])] };
  }

  function showValues() {
    const spans = run.networks.map((_, network) => spanOf(network));
    for (const td of tds) {
      const cell = run.cells[td.dataset.cell];
      const shown = cell.shown[view.key];
      const instead = cell.judged || shown ? null : cell.shown[view.alone];
      const span = spans[run.places[cell.place].network];
      find(".value", td).textContent = shown ? shown[1] : instead ? `${instead[1]} ${views.get(view.alone).unit}` : "–";
      find(".span", td).textContent = shown ? shown[2] : "";
      const share = shown?.[3] && span && cell.judged ? (span.on(shown[0]) - span.from) / (span.to - span.from || 1) : 0;
      td.style.setProperty("--t", Math.min(1, Math.max(0, share)).toFixed(3));
      td.classList.toggle("alone", !cell.judged);
    }
    for (const ramp of every(".ramp")) {
      const words = spans[ramp.dataset.network]?.words;
      ramp.hidden = !words;
      if (words) [find(".from", ramp).textContent, find(".to", ramp).textContent] = words;
    }
  }

  function showVerdicts() {
    for (const td of tds) {
      const cell = run.cells[td.dataset.cell];
      if (!cell.judged) continue;
      const verdict = rulings[td.dataset.cell]?.verdict ?? "";
      td.dataset.verdict = verdict;
      const band = find(".band", td) ?? td.appendChild(make("span", "", { class: "band" }));
      band.dataset.verdict = verdict;
      band.textContent = verdict ? `${SYMBOLS[verdict]} ${verdict}` : "no limit set";
    }
  }

  const counted = (some) => VERDICTS.map((verdict) => [verdict, some.filter((ruling) => ruling?.verdict === verdict).length]);

  function showTally(limits) {
    const tally = find("#tally");
    tally.replaceChildren();
    const set = controls.filter((control) => control.on.checked);
    if (limits) {
      for (const [verdict, count] of counted(rulings)) {
        tally.append(make("span", `${SYMBOLS[verdict]} ${count} ${verdict}`, { class: "band", "data-verdict": verdict }));
      }
    } else {
      tally.textContent = set.length ? "A limit makes no sense" : "Set a limit to judge by";
    }
    find("#spoken").textContent = limits ? `Judged by ${set.map((control) => control.words).join(", ")}` : "";
  }

  function showLive(limits, choices) {
    every(".live").forEach((line) => {
      const numbers = every(`table[data-table="${line.dataset.table}"] td[data-verdict]`).map((td) => td.dataset.cell);
      const places = new Set(numbers.map((number) => run.cells[number].place));
      const counts = counted(numbers.map((number) => rulings[number])).filter(([, count]) => count);
      const best = choices.find((choice) => choice.recommended && places.has(choice.number));
      const advice = best ? ` Most work per joule: ${best.cells.map((cell) => cell.task).join(", ")} at ${run.places[best.number].clocks}.` : "";
      line.textContent = limits && numbers.length ? `Under the limits below: ${counts.map(([verdict, count]) => `${count} ${verdict}`).join(", ")}.${advice}` : "";
    });
  }

  // ---- all of one cell, on focus and under the pointer

  const tip = find("#tip");

  function showTip(td) {
    const number = Number(td.dataset.cell);
    const cell = run.cells[number];
    const table = make("table");
    const head = table.createTHead().insertRow();
    for (const title of ["", "value", "bounds, whole table", "95 %, this cell alone"]) head.append(make("th", title));
    if (!cell.rows.some((row) => row[3])) head.lastChild.remove();
    const body = table.createTBody();
    for (const [name, ...rest] of cell.rows) {
      const row = body.insertRow();
      row.append(make("th", name), ...rest.slice(0, head.cells.length - 1).map((text) => make("td", text)));
    }
    const ruling = rulings[number];
    const verdict = make("span", ruling ? `${SYMBOLS[ruling.verdict]} ${ruling.verdict}` : "", { class: "band", "data-verdict": ruling?.verdict ?? "" });
    const why = make("span", ruling?.reasons.length ? ` ${ruling.reasons.join("; ")}` : "");
    tip.replaceChildren(make("b", nameOf(cell)), ...(ruling ? [verdict, why] : []), make("div", cell.size, { class: "quiet" }), table);
    if (cell.warnings.length) {
      const list = tip.appendChild(make("ul"));
      list.append(...cell.warnings.map((warning) => make("li", run.warnings[warning])));
    }
    tip.hidden = false;
    const at = td.getBoundingClientRect();
    const below = at.bottom + 6;
    const top = below + tip.offsetHeight <= innerHeight ? below : Math.max(4, at.top - 6 - tip.offsetHeight);
    tip.style.left = `${Math.max(4, Math.min(at.left, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${top}px`;
    td.setAttribute("aria-describedby", "tip");
  }

  function hideTip(td) {
    tip.hidden = true;
    td.removeAttribute("aria-describedby");
  }

  const STEPS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0], Home: [0, -Infinity], End: [0, Infinity] };

  function prepare(table) {
    const grid = [...table.tBodies[0].rows].map((row) => every("td", row));
    const first = grid.flat().find((td) => td.dataset.cell !== undefined);
    if (first) first.tabIndex = 0;
    grid.forEach((row, y) => row.forEach((td, x) => {
      if (td.dataset.cell === undefined) return;
      td.addEventListener("pointerenter", () => showTip(td));
      td.addEventListener("pointerleave", () => hideTip(td));
      td.addEventListener("focus", () => {
        every('[tabindex="0"]', table).forEach((other) => (other.tabIndex = -1));
        td.tabIndex = 0;
        showTip(td);
      });
      td.addEventListener("blur", () => hideTip(td));
      td.addEventListener("click", () => showPlace(run.cells[td.dataset.cell].place));
      td.addEventListener("keydown", (event) => {
        if (event.key === "Escape") return hideTip(td);
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          return td.click();
        }
        const step = STEPS[event.key];
        if (!step) return;
        event.preventDefault();
        const clamp = (value, length) => Math.max(0, Math.min(length - 1, value));
        const [down, right] = step;
        let [y2, x2] = [clamp(y + down, grid.length), clamp(x + right, row.length)];
        // Over what was not measured; at an edge the focus stays.
        while (grid[y2]?.[x2] && grid[y2][x2].dataset.cell === undefined && Number.isFinite(down + right)) {
          [y2, x2] = [y2 + down, x2 + right];
        }
        const next = grid[y2]?.[x2];
        if (next?.dataset.cell !== undefined) next.focus();
      });
    }));
  }

  // ---- the charts

  /** Plotly reads a text as its own mark-up, and between dollars as mathematics; a name is neither. */
  const escaped = (name) => name.replace(/[&<>$%]/g, (mark) => `&#${mark.charCodeAt(0)};`);
  const MARKS = ["circle", "square", "diamond", "triangle-up", "cross", "hexagon"];
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
  const cost = find("#cost");
  const place = find("#place");
  let choices = [];

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

  const percent = (value) => (value === null ? "–" : `${(100 * value).toFixed(1)} %`);
  const number = (value, places) => (value === null ? "–" : value.toFixed(places));

  function drawChoices() {
    const { series, paper } = theme();
    const key = cost.value;
    const traces = run.networks.flatMap((name, network) => {
      const own = choices.filter((choice) => choice.network === network && choice.work_share !== null && choice[key] !== null);
      const front = own.filter((choice) => choice.front[key]).sort((a, b) => a[key] - b[key]);
      const colour = series[network % series.length];
      if (!own.length) return [];
      return [
        {
          x: front.map((choice) => choice[key]), y: front.map((choice) => 100 * choice.work_share), mode: "lines",
          line: { color: colour, width: 1.5, shape: "hv" }, hoverinfo: "skip", showlegend: false,
        },
        {
          x: own.map((choice) => choice[key]), y: own.map((choice) => 100 * choice.work_share), mode: "markers", name: escaped(name),
          marker: {
            color: own.map((choice) => (choice.front[key] ? colour : paper)), size: own.map((choice) => (choice.recommended ? 15 : 8)),
            symbol: own.map((choice) => (choice.recommended ? "star" : MARKS[network % MARKS.length])), line: { color: colour, width: 1.5 },
          },
          hoverinfo: "text",
          hovertext: own.map((choice) => [
            `<b>${escaped(name)}</b>, ${escaped(placeName(run.places[choice.number]))}`, escaped(choice.cells.map((cell) => cell.task).join(", ")),
            `work ${percent(choice.work_share)}, ${number(choice.power_w, 2)} W, slowdown ${number(choice.slowdown, 3)}`,
            choice.recommended ? "most work per joule" : "",
          ].filter(Boolean).join("<br>")),
        },
      ];
    });
    const title = key === "power_w" ? "power of the board, W" : `largest slowdown, ${quantile.value}`;
    draw("pareto", traces, [title, {}], ["work, % of the best alone", { rangemode: "tozero" }]);
  }

  function showChoices() {
    const body = find("#choices-table tbody");
    body.replaceChildren();
    for (const choice of choices.filter((each) => each.recommended || each.front[cost.value])) {
      const row = body.insertRow();
      row.dataset.place = choice.number;
      row.dataset.recommended = choice.recommended;
      row.dataset.front = choice.front[cost.value];
      row.append(
        make("th", run.networks[choice.network], { scope: "row" }),
        make("td", `${run.places[choice.number].placement}, ${run.places[choice.number].clocks}${choice.recommended ? " ★" : ""}`, { class: "where" }),
        make("td", choice.cells.map((cell) => cell.task).join(", ")),
        ...[percent(choice.work_share), number(choice.power_w, 2), choice.per_j === null ? "–" : `${number(1000 * choice.per_j, 1)} s`, number(choice.slowdown, 3)]
          .map((text) => make("td", text, { class: "number" })),
      );
    }
    if (!choices.length) body.insertRow().append(make("td", "Nothing is SAFE under these limits.", { colspan: 7 }));
  }

  function drawDistribution() {
    const { series, quiet } = theme();
    const own = run.cells.filter((cell) => cell.place === Number(place.value) && cell.curve_ms.length);
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

  function showPlace(number) {
    place.value = number;
    drawDistribution();
  }

  let waiting = 0;
  function drawSoon() {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(drawChoices);
  }

  // ---- all together

  function update() {
    controls.forEach((control) => control.show());
    const values = controls.map((control) => control.value);
    const valid = !values.includes(undefined) && values.some((value) => value !== null);
    const limits = valid ? Object.fromEntries(controls.flatMap((control, i) => (values[i] === null ? [] : [[control.quantity, values[i]]]))) : null;
    rulings = run.cells.map((cell) => (limits && cell.judged ? judge(cell, limits) : undefined));
    choices = choicesOf(rulings, `slowdown_${quantile.value}`);
    showVerdicts();
    showTally(limits);
    showLive(limits, choices);
    showChoices();
    drawSoon();
  }

  const known = (quantity) => run.cells.filter((cell) => cell.bounds[quantity]).length;
  const judged = run.cells.filter((cell) => cell.judged).length;
  for (const option of quantile.options) {
    const count = known(`slowdown_${option.value}`);
    if (count < judged) option.title = `known in ${count} of ${judged} cells`;
  }
  // The limits that the study was made for, where it was made for any.
  const asked = Object.keys(run.limits).sort().find((quantity) => /^(latency|slowdown)_/.test(quantity));
  [latencyAs.value, quantile.value] = asked
    ? asked.split("_")
    : ["slowdown", ["p95", "p50"].find((q) => 2 * known(`slowdown_${q}`) > judged) ?? "p50"];
  find("#view").value = `slowdown_${quantile.value}`;
  view = views.get(find("#view").value);
  if (!known("power_w")) cost.value = "slowdown";
  latency.on.checked = asked !== undefined || !Object.keys(run.limits).length;
  serveLatency();
  power.serve("power_w", { unit: "W", wanted: "above 0 W" });
  work.serve("work_loss_ratio", { highest: 1, start: 0.1, wanted: "a share between 0 and 1, as in 0.1" });
  for (const control of controls.filter(({ quantity }) => quantity in run.limits)) {
    control.number.value = String(run.limits[control.quantity] * control.scale);
    control.on.checked = true;
    control.moved(false);
  }
  run.places.forEach((each, i) => place.append(make("option", `${run.networks[each.network]}, ${placeName(each)}`, { value: i })));

  for (const select of [latencyAs, quantile]) select.addEventListener("change", () => (serveLatency(), update()));
  find("#view").addEventListener("change", (event) => {
    view = views.get(event.target.value);
    showValues();
  });
  cost.addEventListener("change", () => (showChoices(), drawChoices()));
  place.addEventListener("change", drawDistribution);
  form.addEventListener("submit", (event) => event.preventDefault());
  every(".heatmap table").forEach(prepare);
  // The fastest clocks of the first network.
  place.value = run.places.findLastIndex((each) => each.network === 0);
  showValues();
  update();
  performance.mark("interactive");

  const drawAll = () => (drawChoices(), drawDistribution());

  /** Plotly comes as text, and runs from the first time that a chart is wanted. */
  function startPlotly() {
    sight.disconnect();
    if (window.Plotly) return;
    document.body.append(make("script", find("#plotly").textContent));
    drawAll();
  }

  const sight = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && startPlotly(), { rootMargin: "400px" });
  every(".chart").forEach((chart) => sight.observe(chart.parentElement));
  for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", drawAll);
  addEventListener("beforeprint", startPlotly);
  addEventListener("beforeprint", () => every("details").forEach((each) => (each.open = true)));
})();
