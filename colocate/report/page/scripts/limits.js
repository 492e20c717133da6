// The limits: what the controls are set to, and whether that makes sense. They have the names of their flags.

const digits = (value) => String(Number(value.toPrecision(4)));
const shareWords = (value) => `${digits(100 * value)}${NBSP}%`;

/**
 * How each limit is shown: its quantity at a percentile, what its numbers are times, between what they make sense, and
 * what it begins at.
 */
const LIMITS = {
  "slo-ms": { at: (percentile) => `latency_${percentile}_s`, scale: 1e3, unit: "ms", wanted: "above 0 ms" },
  "max-slowdown": { at: (percentile) => `slowdown_${percentile}`, unit: "×", lowest: 1, start: 1.05, wanted: "above 1, as in 1.2 for 20 % slower" },
  "power-budget-w": { at: () => "power_w", unit: "W", wanted: "above 0 W" },
  "max-work-loss": { at: () => "work_loss_ratio", highest: 1, start: 0.1, wanted: "a share between 0 and 1, as in 0.1" },
};

/** One limit: a checkbox, a slider and a number, of which the number is what counts. `changed` is called on a change. */
class Limit {
  constructor(name, changed) {
    Object.assign(this, { name, changed, scale: 1, unit: "", lowest: 0, highest: Infinity, start: null }, LIMITS[name]);
    this.box = find(`[data-limit="${name}"]`);
    this.on = find(".on", this.box);
    this.slider = find('input[type="range"]', this.box);
    this.number = find('input[type="number"]', this.box);
    this.slider.addEventListener("input", () => this.slid());
    this.number.addEventListener("input", () => this.typed());
    this.on.addEventListener("change", changed);
  }

  /** Serve the quantity at `percentile`; a number that is there stays. */
  serve(percentile) {
    this.quantity = this.at(percentile);
    this.known = knownIn(this.quantity) > 0;
    this.range = this.rangeOf(run.cells.flatMap((cell) => cell.bounds[this.quantity] ? [cell.bounds[this.quantity]] : []));
    if (this.number.value === "") this.number.value = digits((this.start ?? this.range[1]) * this.scale);
    this.follow();
  }

  /** The ends of the slider for all the `bounds` of the run. */
  rangeOf(bounds) {
    if (!bounds.length) return [this.lowest === 1 ? 1.001 : 0.01, 2];
    const values = bounds.map(([value]) => value).filter((value) => value !== null);
    const most = Math.max(...values);
    // With few blocks an upper bound may be millions: beyond three times the greatest value no slider is needed.
    const top = Math.max(...bounds.map(([, , hi]) => Math.min(hi ?? most, 3 * Math.abs(most))), most);
    const least = Math.min(...bounds.map(([value, lo]) => Math.max(lo ?? value, this.lowest)), ...values);
    if (this.highest === 1) return [0.005, 0.995];
    if (this.lowest === 1) return [1.001, Math.max(1.1, 1 + 1.1 * (top - 1))];
    return [least * 0.98, top * 1.02];
  }

  /** Whether the slider goes in even steps, as for a share; else each step is the same factor. */
  get even() {
    return this.highest === 1;
  }

  slid() {
    const [from, to] = this.range;
    const share = this.slider.value / 1000;
    this.number.value = digits((this.even ? from + (to - from) * share : from * (to / from) ** share) * this.scale);
    this.typed();
  }

  typed() {
    this.on.checked = true;
    this.follow();
    this.changed();
  }

  /** Move the slider to the number. */
  follow() {
    const [from, to] = this.range;
    const value = this.number.value / this.scale;
    const share = this.even ? (value - from) / (to - from) : Math.log(value / from) / Math.log(to / from);
    if (document.activeElement !== this.slider) this.slider.value = 1000 * Math.min(1, Math.max(0, share || 0));
    this.slider.setAttribute("aria-valuetext", this.amount);
    find(".unit", this.box).textContent = this.unit || `= ${shareWords(this.number.value)}`;
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

  /** Its number with its unit. A share has none: it is said in per cent. */
  get amount() {
    return this.unit ? `${this.number.value}${NBSP}${this.unit}` : shareWords(this.number.value);
  }

  get words() {
    return `${views.get(this.quantity).label} ≤${NBSP}${this.amount}`;
  }
}

/** All limits of the page. `changed` is called whenever one of them is. */
class Limits {
  constructor(changed) {
    this.percentile = find("#percentile");
    this.all = Object.keys(LIMITS).map((name) => new Limit(name, changed));
    find("#limits").addEventListener("submit", (event) => event.preventDefault());
    this.percentile.addEventListener("change", () => {
      this.serve();
      changed();
    });
    const judged = run.cells.filter((cell) => cell.judged).length;
    for (const option of this.percentile.options) {
      const count = knownIn(`slowdown_${option.value}`);
      if (count < judged) option.title = `known in ${count} of ${judged} cells`;
    }
  }

  serve() {
    this.all.forEach((limit) => limit.serve(this.percentile.value));
    find("#slowdown-at").textContent = `at ${this.percentile.value}`;
  }

  /** What the study was made for, by flag; where it was made for nothing, an example. */
  get ofStudy() {
    const found = {};
    for (const [name, { at, scale = 1 }] of Object.entries(LIMITS)) {
      for (const { value: percentile } of this.percentile.options) {
        const limit = run.limits[at(percentile)];
        if (limit === undefined) continue;
        // Milliseconds without what binary fractions add.
        found[name] = String(Number((limit * scale).toPrecision(15)));
        if (at("p50") !== at("p99")) found.percentile = percentile;
      }
    }
    if (Object.keys(found).length) return found;
    const judged = run.cells.filter((cell) => cell.judged).length;
    const percentile = ["p95", "p50"].find((each) => 2 * knownIn(`slowdown_${each}`) > judged) ?? "p50";
    return { "max-slowdown": "1.05", percentile };
  }

  /** Set these limits, by flag, and no other. */
  set(flags) {
    if ([...this.percentile.options].some(({ value }) => value === flags.percentile)) this.percentile.value = flags.percentile;
    for (const limit of this.all) {
      limit.on.checked = flags[limit.name] !== undefined;
      if (limit.on.checked) limit.number.value = flags[limit.name];
    }
    this.serve();
  }

  /** What is set, by flag. */
  get flags() {
    const set = this.all.filter((limit) => limit.on.checked).map((limit) => [limit.name, limit.number.value]);
    return Object.fromEntries([...set, ["percentile", this.percentile.value]]);
  }

  /** What is set, by quantity; null where nothing is, or something makes no sense. */
  get values() {
    const values = this.all.map((limit) => limit.value);
    const valid = !values.includes(undefined) && values.some((value) => value !== null);
    return valid ? Object.fromEntries(this.all.flatMap((limit, i) => (values[i] === null ? [] : [[limit.quantity, values[i]]]))) : null;
  }

  /** That on the latency, in ms and in words; null where none is set. */
  get latency() {
    const limit = this.all.find(({ name }) => name === "slo-ms");
    return limit.value ? { ms: 1e3 * limit.value, words: `limit ${limit.amount} at ${this.percentile.value}` } : null;
  }

  /** Whose the limits are: the study's, an example, or the reader's. */
  get origin() {
    const [own, wanted] = [this.flags, this.ofStudy];
    const same = Object.keys(LIMITS).every((name) => own[name] === wanted[name]) && own.percentile === (wanted.percentile ?? own.percentile);
    if (!same) return "Limits set on this page";
    return Object.keys(run.limits).length ? "Limits of the study" : "An example limit, as the study sets none";
  }

  /** Show which are set, which make no sense, and in words what is judged by. */
  show() {
    this.all.forEach((limit) => limit.show());
    const set = this.all.filter((limit) => limit.on.checked);
    find("#spoken").textContent = this.values ? `${this.origin}: ${set.map((limit) => limit.words).join(", ")}.` : "";
  }

  /** Why there is no verdict. */
  get problem() {
    return this.all.some((limit) => limit.on.checked) ? "A limit makes no sense." : "Set a limit to judge by.";
  }
}
