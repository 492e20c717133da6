// The choices that the verdicts leave, as in colocate.study.advice: at each place the tasks that are SAFE there.

const tasksBeside = run.networks.map(
  (_, network) => new Set(run.cells.filter((cell) => cell.judged && run.places[cell.place].network === network).map((cell) => cell.task_id)).size,
);

const total = (parts) => (parts.some((part) => part === null) ? null : parts.reduce((sum, part) => sum + part, 0));

const tasksOf = (choice) => choice.cells.map((cell) => cell.task).join(", ");

/** All choices, network by network; `rulings` are those of the cells, `slowdown` is the quantity that stands for it. */
function choicesOf(rulings, slowdown) {
  const safe = new Map();
  run.cells.forEach((cell, number) => {
    if (rulings[number]?.verdict === "SAFE") safe.set(cell.place, [...(safe.get(cell.place) ?? []), cell]);
  });
  const choices = [...safe].map(([number, cells]) => choiceAt(number, cells, slowdown));
  return run.networks.flatMap((_, network) => ranked(choices.filter((choice) => choice.network === network)));
}

/** Tasks take turns with those that are not SAFE, whose turns stay empty. */
function choiceAt(number, cells, slowdown) {
  const place = run.places[number];
  const turns = tasksBeside[place.network];
  const work = total(cells.map((cell) => cell.work_share));
  const power = total([...cells.map((cell) => cell.power_w), ...Array(turns - cells.length).fill(place.solo_power_w)]);
  const slowdowns = cells.map((cell) => cell.bounds[slowdown]?.[0] ?? null);
  return {
    number,
    network: place.network,
    cells,
    work_share: work === null ? null : work / turns,
    power_w: power === null ? null : power / turns,
    per_j: work === null || !power ? null : work / power,
    slowdown: slowdowns.includes(null) ? null : Math.max(...slowdowns),
  };
}

/** A quantity of all `choices`; null where one of them has none. */
function column(choices, key) {
  const values = choices.map((choice) => choice[key]);
  return values.length && !values.includes(null) ? values : null;
}

/** The choices of one network, with the recommended one marked, and for each cost those that no other betters. */
function ranked(choices) {
  const work = column(choices, "work_share");
  const score = column(choices, "per_j") ?? work ?? choices.map((choice) => choice.cells.length);
  const best = score.indexOf(Math.max(...score));
  const front = (key) => {
    const cost = column(choices, key);
    const betters = (j, i) => work[j] >= work[i] && cost[j] <= cost[i] && (work[j] !== work[i] || cost[j] !== cost[i]);
    return choices.map((_, i) => Boolean(work && cost) && !choices.some((_, j) => betters(j, i)));
  };
  const fronts = { power_w: front("power_w"), slowdown: front("slowdown") };
  return choices.map((choice, i) => ({
    ...choice,
    recommended: i === best,
    front: { power_w: fronts.power_w[i], slowdown: fronts.slowdown[i] },
  }));
}
