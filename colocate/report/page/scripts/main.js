// All together: what the controls say is judged, shown and drawn.

function start() {
  const [viewPick, costPick, placePick] = ["#view", "#cost", "#place"].map((selector) => find(selector));
  const limits = new Limits(update);
  let rulings = [];
  let choices = [];
  let waiting = 0;

  function update() {
    const values = limits.values;
    rulings = run.cells.map((cell) => (values && cell.judged ? judge(cell, values) : undefined));
    choices = choicesOf(rulings, limits.slowdown);
    limits.show();
    showVerdicts(rulings);
    showTally(rulings, values ? "" : limits.problem);
    showLive(rulings, choices);
    showChoices(choices, costPick.value);
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(redrawChoices);
  }

  const showView = () => showValues(views.get(viewPick.value));
  const redrawChoices = () => drawChoices(choices, costPick.value, limits.percentile.value);
  const redrawDistribution = () => drawDistribution(Number(placePick.value));

  limits.begin();
  viewPick.value = limits.slowdown;
  if (!knownIn("power_w")) costPick.value = "slowdown";
  run.places.forEach((place, i) => placePick.append(make("option", `${run.networks[place.network]}, ${placeName(place)}`, { value: i })));
  // The fastest clocks of the first network.
  placePick.value = run.places.findLastIndex((place) => place.network === 0);

  viewPick.addEventListener("change", showView);
  costPick.addEventListener("change", () => {
    showChoices(choices, costPick.value);
    redrawChoices();
  });
  placePick.addEventListener("change", redrawDistribution);
  const rulingOf = (number) => rulings[number];
  const choose = (cell) => {
    placePick.value = cell.place;
    redrawDistribution();
  };
  for (const table of every(".heatmap table")) listen(table, rulingOf, choose);

  showView();
  update();
  performance.mark("interactive");
  drawOnSight(() => {
    redrawChoices();
    redrawDistribution();
  });
  addEventListener("beforeprint", () => every("details").forEach((each) => (each.open = true)));
}

// A run without a cell has no tables to serve.
if (find("#limits")) start();
