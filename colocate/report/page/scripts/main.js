// All together: what the controls say is judged, shown, drawn, and kept in the address.

function start() {
  const [viewPick, costPick, placePick] = ["#view", "#cost", "#place"].map((selector) => find(selector));
  const limits = new Limits(update);
  let rulings = [];
  let choices = [];
  let waiting = 0;

  const rulingOf = (number) => rulings[number];
  const choose = (cell) => {
    placePick.value = cell.place;
    redrawDistribution();
    keep();
  };
  const keep = () => writeAddress({ ...limits.flags, show: viewPick.value, against: costPick.value, place: placePick.value });
  const showView = () => showMatrix(views.get(viewPick.value), rulings, choices);
  const redrawDistribution = () => drawDistribution(Number(placePick.value), limits.latency);
  const redrawChoices = () => {
    const title = costPick.value === "power_w" ? "power of the board, W" : `slowdown, ${limits.percentile.value}`;
    drawChoices(choices, costPick.value, title, (marks) => listen(marks, rulingOf, choose));
  };

  function judgeAll() {
    const values = limits.values;
    rulings = run.cells.map((cell) => (values && cell.judged ? judge(cell, values) : undefined));
    choices = choicesOf(rulings, limits.percentile.value);
    limits.show();
    showView();
    find("#to-safe").hidden = !firstSafe();
    showTally(rulings, values ? "" : limits.problem);
    showAnswers(rulings, choices);
    find("#choices-slowdown").textContent = `${limits.percentile.value} slowdown`;
    showChoices(choices, costPick.value);
    find("#command").textContent = values ? commandOf(limits) : "";
    find("#copy").disabled = !values;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(redrawChoices);
  }

  function update() {
    judgeAll();
    redrawDistribution();
    keep();
  }

  /** Begin with what the address holds, else with the study. */
  function begin() {
    const state = stateOfAddress();
    limits.set(state ?? limits.ofStudy);
    const known = (pick, value) => [...pick.options].some((option) => option.value === value);
    if (known(viewPick, state?.show)) viewPick.value = state.show;
    costPick.value = known(costPick, state?.against) ? state.against : knownIn("power_w") ? "power_w" : "slowdown";
    judgeAll();
    // The recommended place, else the fastest clocks of the first network.
    const best = choices.find((choice) => choice.recommended)?.cell.place ?? run.places.findLastIndex((place) => place.network === 0);
    placePick.value = known(placePick, state?.place) ? state.place : best;
    redrawDistribution();
  }

  run.places.forEach((place, i) => placePick.append(make("option", `${run.networks[place.network]}, ${placeName(place)}`, { value: i })));
  viewPick.addEventListener("change", () => {
    showView();
    keep();
  });
  costPick.addEventListener("change", () => {
    showChoices(choices, costPick.value);
    redrawChoices();
    keep();
  });
  placePick.addEventListener("change", () => {
    redrawDistribution();
    keep();
  });
  find("#to-safe").addEventListener("click", () => {
    // All of the table's box first, so that the names of tasks stay in sight.
    find("#matrix").closest(".scroll").scrollIntoView();
    firstSafe().scrollIntoView({ block: "nearest", inline: "center" });
    firstSafe().focus({ preventScroll: true });
  });
  find("#copy").addEventListener("click", (event) => copy(find("#command").textContent, event.currentTarget));
  listen(every("#matrix tbody tr").map((row) => every("td", row)).filter((row) => row.length), rulingOf, choose);
  addEventListener("hashchange", begin);

  every(".scroll").forEach(watchScroll);
  begin();
  performance.mark("interactive");
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    redrawChoices();
    redrawDistribution();
  });
}

// What is folded is printed, but for long tables, which a file holds as well.
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = every("details:not([open])").filter((each) => !find("summary", each).dataset.file);
  unfolded.forEach((each) => (each.open = true));
});
addEventListener("afterprint", () => unfolded.forEach((each) => (each.open = false)));

// A run without a cell has no matrix to serve.
if (find("#limits")) start();
