// Elements of the page. Names come from users: they go into the page as text alone.

/** Between a number and its unit. */
const NBSP = "\u00a0";

const find = (selector, within = document) => within.querySelector(selector);
const every = (selector, within = document) => [...within.querySelectorAll(selector)];

/** Mark `box` while more lies to the right than it shows; a hint before it says what. */
function watchScroll(box) {
  const hint = box.previousElementSibling?.matches(".hint") ? box.previousElementSibling : null;
  const mark = () => {
    const more = box.scrollLeft + box.clientWidth < box.scrollWidth - 1;
    box.classList.toggle("more", more);
    if (!hint) return;
    hint.hidden = box.scrollWidth <= box.clientWidth + 1;
    hint.classList.toggle("done", !more);
    if (more) hint.textContent = hiddenWords(box);
  };
  box.addEventListener("scroll", mark);
  const sizes = new ResizeObserver(mark);
  sizes.observe(box);
  sizes.observe(box.firstElementChild);
}

/** How many columns of the table in `box` end to the right of it. */
function hiddenWords(box) {
  const edge = box.getBoundingClientRect().right + 1;
  const count = every("thead tr:last-child th", box).filter((each) => each.getBoundingClientRect().right > edge).length;
  return `${count} more column${count === 1 ? "" : "s"} to the right: scroll the table sideways.`;
}

function make(tag, text = "", attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
