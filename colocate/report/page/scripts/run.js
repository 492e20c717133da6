// The run: what payload.py says of it, and the names of its places and cells.

const run = JSON.parse(find("#run").textContent);
const views = new Map(run.views.map((view) => [view.key, view]));

const placeName = (place) => [place.placement, place.clocks === "native" ? "native clocks" : `${place.clocks} (CPU/GPU)`].join(", ");

function cellName(cell) {
  const place = run.places[cell.place];
  return `${run.networks[place.network]} ${cell.judged ? `beside ${cell.task}` : "alone"}, ${placeName(place)}`;
}

/** In how many cells the bounds of `quantity` are known. */
const knownIn = (quantity) => run.cells.filter((cell) => cell.bounds[quantity]).length;
