// Elements of the page. Names come from users: they go into the page as text alone.

/** Between a number and its unit. */
const NBSP = "\u00a0";

const find = (selector, within = document) => within.querySelector(selector);
const every = (selector, within = document) => [...within.querySelectorAll(selector)];

/** Mark `box` while more lies to the right or below than it shows; a hint before it says what. */
function watchScroll(box) {
  const hint = box.previousElementSibling?.matches(".hint") ? box.previousElementSibling : null;
  const mark = () => {
    const right = box.scrollLeft + box.clientWidth < box.scrollWidth - 1;
    const below = box.scrollTop + box.clientHeight < box.scrollHeight - 1;
    box.classList.toggle("right", right);
    box.classList.toggle("below", below);
    if (!hint) return;
    hint.hidden = box.scrollWidth <= box.clientWidth + 1 && box.scrollHeight <= box.clientHeight + 1;
    hint.classList.toggle("done", !right && !below);
    if (right || below) hint.textContent = hiddenWords(box);
  };
  box.addEventListener("scroll", mark);
  const sizes = new ResizeObserver(mark);
  sizes.observe(box);
  sizes.observe(box.firstElementChild);
}

/** How many columns and rows of the table in `box` end beyond its edges. */
function hiddenWords(box) {
  const beyond = (side, selector, noun) => {
    const edge = box.getBoundingClientRect()[side] + 1;
    const count = every(selector, box).filter((each) => each.getBoundingClientRect()[side] > edge).length;
    return count ? [`${count} more ${noun}${count === 1 ? "" : "s"} ${side === "right" ? "to the right" : "below"}`] : [];
  };
  const words = [...beyond("right", "thead tr:last-child th", "column"), ...beyond("bottom", "tbody tr:has(td)", "row")];
  return `${words.join(" and ")}: scroll the table.`;
}

function make(tag, text = "", attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
