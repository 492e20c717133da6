// The run: what payload.py says of it, and the names of its places and cells.

const run = JSON.parse(find("#run").textContent);
const views = new Map(run.views.map((view) => [view.key, view]));

const placeName = (place) => `${place.placement}, ${place.at}`;

function cellName(cell) {
  const place = run.places[cell.place];
  return `${run.networks[place.network]} ${cell.judged ? `beside ${cell.ran}` : "alone"}, ${placeName(place)}`;
}

/** In how many cells the bounds of `quantity` are known. */
const knownIn = (quantity) => run.cells.filter((cell) => cell.bounds[quantity]).length;

// One colour for each network and each task of the run, so that none stands for two: hues around the circle, of three
// lightnesses in turn, which differ for the colour-blind and in grey.
const NAMES = [...run.networks.map((_, network) => network), ...new Set(run.cells.filter((cell) => cell.judged).map((cell) => cell.task))];
const DASHES = ["", "7 3", "2 3", "8 3 2 3", "12 3", "4 2"];

const colourOf = (name) => {
  const nth = NAMES.indexOf(name);
  return `oklch(calc(var(--series-light) + ${nth % 3} * var(--series-step)) 0.14 ${Math.round(20 + (360 * nth) / NAMES.length)})`;
};
const dashOf = (task) => DASHES[Math.max(0, NAMES.indexOf(task) - run.networks.length) % DASHES.length];
