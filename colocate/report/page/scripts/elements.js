// Elements of the page. Names come from users: they go into the page as text alone.

/** Between a number and its unit. */
const NBSP = "\u00a0";

const find = (selector, within = document) => within.querySelector(selector);
const every = (selector, within = document) => [...within.querySelectorAll(selector)];

/** Mark `box` while more lies to the right than it shows. */
function watchScroll(box) {
  const mark = () => box.classList.toggle("more", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
  box.addEventListener("scroll", mark);
  const sizes = new ResizeObserver(mark);
  sizes.observe(box);
  sizes.observe(box.firstElementChild);
}

function make(tag, text = "", attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
