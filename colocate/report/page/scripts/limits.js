// The limits: what the controls are set to, and whether that makes sense.

const digits = (value) => String(Number(value.toPrecision(4)));

/** One limit: a checkbox, a slider and a number, of which the number is what counts. `changed` is called on a change. */
class Limit {
  constructor(name, changed) {
    this.box = find(`[data-limit="${name}"]`);
    this.on = find(".on", this.box);
    this.slider = find('input[type="range"]', this.box);
    this.number = find('input[type="number"]', this.box);
    this.changed = changed;
    this.slider.addEventListener("input", () => this.set(this.at(this.slider.value / 1000), true));
    this.number.addEventListener("input", () => this.moved());
    this.on.addEventListener("change", changed);
  }

  /**
   * Serve `quantity`, whose numbers are shown times `scale`; those between `lowest` and `highest` make sense. Begin
   * at `start`, unless the number that is there has the same meaning.
   */
  serve(quantity, { scale = 1, unit = "", lowest = 0, highest = Infinity, wanted = "", start = null }) {
    const kept = this.unit === unit;
    Object.assign(this, { quantity, scale, unit, lowest, highest, wanted });
    find(".unit", this.box).textContent = unit;
    this.known = knownIn(quantity) > 0;
    this.range = this.rangeOf(run.cells.flatMap((cell) => (cell.bounds[quantity] ? [cell.bounds[quantity]] : [])));
    if (kept) this.moved(false);
    else this.set(start ?? this.range[1], false);
  }

  /** The ends of the slider for all the `bounds` of the run. */
  rangeOf(bounds) {
    if (!bounds.length) return [this.lowest === 1 ? 1.001 : 0.01, 2];
    const values = bounds.map(([value]) => value).filter((value) => value !== null);
    const most = Math.max(...values);
    // With few blocks an upper bound may be millions: beyond three times the greatest value no slider is needed.
    const top = Math.max(...bounds.map(([, , hi]) => Math.min(hi ?? most, 3 * Math.abs(most))), most);
    const least = Math.min(...bounds.map(([value, lo]) => Math.max(lo ?? value, this.lowest)), ...values);
    if (this.quantity === "work_loss_ratio") return [0.005, Math.min(0.995, Math.max(0.1, 1.1 * top))];
    if (this.lowest === 1) return [1.001, Math.max(1.1, 1 + 1.1 * (top - 1))];
    return [least * 0.98, top * 1.02];
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
    if (on) this.changed();
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

/** All limits of the page. `changed` is called whenever one of them is. */
class Limits {
  constructor(changed) {
    this.latencyAs = find("#latency-as");
    this.percentile = find("#percentile");
    [this.latency, this.power, this.work] = ["latency", "power", "work"].map((name) => new Limit(name, changed));
    this.all = [this.latency, this.power, this.work];
    find("#limits").addEventListener("submit", (event) => event.preventDefault());
    for (const select of [this.latencyAs, this.percentile]) {
      select.addEventListener("change", () => {
        this.serveLatency();
        changed();
      });
    }
  }

  /** The slowdown at the percentile that the latency is limited at. */
  get slowdown() {
    return `slowdown_${this.percentile.value}`;
  }

  serveLatency() {
    if (this.latencyAs.value === "slowdown") {
      this.latency.serve(this.slowdown, { unit: "×", lowest: 1, start: 1.05, wanted: "above 1, as in 1.2 for 20 % slower" });
    } else {
      this.latency.serve(`latency_${this.percentile.value}_s`, { scale: 1e3, unit: "ms", wanted: "above 0" });
    }
  }

  /** Set the limits that the study was made for; where it was made for none, one on the latency. */
  begin() {
    const judged = run.cells.filter((cell) => cell.judged).length;
    for (const option of this.percentile.options) {
      const count = knownIn(`slowdown_${option.value}`);
      if (count < judged) option.title = `known in ${count} of ${judged} cells`;
    }
    const asked = Object.keys(run.limits).sort().find((quantity) => /^(latency|slowdown)_/.test(quantity));
    [this.latencyAs.value, this.percentile.value] = asked
      ? asked.split("_")
      : ["slowdown", ["p95", "p50"].find((q) => 2 * knownIn(`slowdown_${q}`) > judged) ?? "p50"];
    this.latency.on.checked = asked !== undefined || !Object.keys(run.limits).length;
    this.serveLatency();
    this.power.serve("power_w", { unit: "W", wanted: "above 0 W" });
    this.work.serve("work_loss_ratio", { highest: 1, start: 0.1, wanted: "a share between 0 and 1, as in 0.1" });
    for (const limit of this.all.filter(({ quantity }) => quantity in run.limits)) {
      limit.number.value = String(run.limits[limit.quantity] * limit.scale);
      limit.on.checked = true;
      limit.moved(false);
    }
  }

  /** What is set, by quantity; null where nothing is, or something makes no sense. */
  get values() {
    const values = this.all.map((limit) => limit.value);
    const valid = !values.includes(undefined) && values.some((value) => value !== null);
    return valid ? Object.fromEntries(this.all.flatMap((limit, i) => (values[i] === null ? [] : [[limit.quantity, values[i]]]))) : null;
  }

  /** Show which are set, which make no sense, and in words what is judged by. */
  show() {
    this.all.forEach((limit) => limit.show());
    const set = this.all.filter((limit) => limit.on.checked);
    find("#spoken").textContent = this.values ? `Judged by ${set.map((limit) => limit.words).join(", ")}` : "";
  }

  /** Why there is no verdict. */
  get problem() {
    return this.all.some((limit) => limit.on.checked) ? "A limit makes no sense" : "Set a limit to judge by";
  }
}
