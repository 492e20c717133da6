// Axes of a chart, drawn as SVG; colours come from the style sheet.

const SVG = "http://www.w3.org/2000/svg";

function shape(tag, attributes, text = "") {
  const element = document.createElementNS(SVG, tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Round numbers between `lo` and `hi`, about `count` of them; on a logarithmic axis that spans far, few of each decade. */
function ticksOf({ lo, hi, log = false, count = 6 }) {
  if (log && hi / lo >= 4) {
    const decades = Array.from({ length: 40 }, (_, i) => 10 ** (i - 20));
    const leading = hi / lo < 30 ? [1, 2, 3, 5] : [1, 3];
    return decades.flatMap((decade) => leading.map((digit) => digit * decade)).filter((tick) => lo <= tick && tick <= hi);
  }
  const raw = (hi - lo) / count;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((each) => each * unit >= raw) * unit;
  const first = Math.ceil(lo / step - 1e-9);
  return Array.from({ length: Math.max(0, Math.floor(hi / step + 1e-9) - first + 1) }, (_, i) => (first + i) * step);
}

const SIDES = { left: 56, right: 14, top: 10, bottom: 44 };

/** A chart in `holder`, with axes `x` and `y`: title, lo, hi, and if wanted log and ticks. */
class Chart {
  constructor(holder, label, x, y) {
    const [width, height] = [Math.max(280, holder.clientWidth), 340];
    this.svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label });
    this.ends = { x: [SIDES.left, width - SIDES.right], y: [height - SIDES.bottom, SIDES.top] };
    this.axes = { x, y };
    for (const tick of x.ticks ?? ticksOf({ ...x, count: width / 90 })) this.#tick("x", tick);
    for (const tick of y.ticks ?? ticksOf(y)) this.#tick("y", tick);
    const middle = (this.ends.y[0] + this.ends.y[1]) / 2;
    this.svg.append(
      shape("text", { x: (this.ends.x[0] + this.ends.x[1]) / 2, y: height - 6, class: "title" }, x.title),
      shape("text", { x: 0, y: 0, class: "title", transform: `translate(13 ${middle}) rotate(-90)` }, y.title),
    );
    holder.replaceChildren(this.svg);
  }

  /** Where `value` lies along the axis `name`, in the units of the drawing. */
  at(name, value) {
    const { lo, hi, log } = this.axes[name];
    const [from, to] = this.ends[name];
    const share = log ? Math.log(value / lo) / Math.log(hi / lo) : (value - lo) / (hi - lo);
    return from + (to - from) * share;
  }

  #tick(name, value) {
    const [at, [left, right], [bottom, top]] = [this.at(name, value), this.ends.x, this.ends.y];
    const line = name === "x" ? { x1: at, x2: at, y1: bottom, y2: top } : { x1: left, x2: right, y1: at, y2: at };
    const text = name === "x" ? { x: at, y: bottom + 16, class: "x" } : { x: left - 7, y: at + 4, class: "y" };
    this.svg.append(shape("line", line), shape("text", text, String(Number(value.toPrecision(6)))));
  }

  /** A line through `points`, of x and y, that ends where the axes do. */
  line(points, style) {
    const inside = ([x]) => x <= this.axes.x.hi * (1 + 1e-9);
    const path = points.filter(inside).map(([x, y]) => `${this.at("x", x).toFixed(1)} ${this.at("y", y).toFixed(1)}`);
    this.svg.append(shape("path", { d: `M${path.join("L")}`, class: "line", style }));
  }

  /** A line upright at `x`, with its words; beyond an end of the axis an arrow there points to it. */
  limit(x, words) {
    const [at, [left, right], [bottom, top]] = [this.at("x", x), this.ends.x, this.ends.y];
    const before = at > (left + right) / 2;
    const [end, y] = [Math.min(right, Math.max(left, at)), (bottom + top) / 2];
    const beyond = at < left || right < at;
    const text = beyond ? (before ? `${words} \u2192` : `\u2190 ${words}`) : words;
    if (!beyond) this.svg.append(shape("line", { x1: at, x2: at, y1: bottom, y2: top, class: "limit" }));
    this.svg.append(shape("text", { x: end + (before ? -6 : 6), y, class: `limit${before ? " y" : ""}` }, text));
  }

  /** A mark of this shape; it is returned. */
  mark(x, y, kind, style, more = {}) {
    const place = `translate(${this.at("x", x).toFixed(1)} ${this.at("y", y).toFixed(1)})`;
    const mark = this.svg.appendChild(shape("g", { class: "mark", transform: place, ...more }));
    // A mark is small; what the pointer hits is not.
    mark.append(shape("circle", { r: 13, class: "target" }), shape("path", { d: MARKS[kind], style }));
    return mark;
  }
}

const MARKS = {
  circle: "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0",
  square: "M-4-4h8v8h-8z",
  diamond: "M0-5.5L5.5 0L0 5.5L-5.5 0z",
  triangle: "M0-5.5L5 4H-5z",
  cross: "M-1.7-5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z",
  hexagon: "M-5 0L-2.5-4.4H2.5L5 0L2.5 4.4H-2.5z",
  star: "M0-9L2.1-2.9L8.6-2.8L3.4 1.1L5.3 7.3L0 3.6L-5.3 7.3L-3.4 1.1L-8.6-2.8L-2.1-2.9z",
};
const KINDS = Object.keys(MARKS).filter((kind) => kind !== "star");
const kindOf = (network) => KINDS[network % KINDS.length];

/** A small picture for a legend, of what `fill` puts into it. */
function swatch(...shapes) {
  const svg = shape("svg", { viewBox: "-18 -10 36 20", class: "swatch", "aria-hidden": "true" });
  svg.append(...shapes);
  return svg;
}
