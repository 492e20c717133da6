// The choices that the verdicts leave, as in colocate.study.advice: every cell that is SAFE, with its own numbers.

/** All choices, network by network; `rulings` are those of the cells, latency and slowdown are at `percentile`. */
function choicesOf(rulings, percentile) {
  const choices = run.cells.flatMap((cell, number) => (rulings[number]?.verdict === "SAFE" ? [choiceOf(cell, number, percentile)] : []));
  return run.networks.flatMap((_, network) => ranked(choices.filter((choice) => choice.network === network)));
}

function choiceOf(cell, number, percentile) {
  return {
    number,
    cell,
    network: run.places[cell.place].network,
    work_share: cell.work_share,
    power_w: cell.power_w,
    per_j: cell.work_share === null || !cell.power_w ? null : cell.work_share / cell.power_w,
    latency_s: cell.bounds[`latency_${percentile}_s`]?.[0] ?? null,
    slowdown: cell.bounds[`slowdown_${percentile}`]?.[0] ?? null,
    idle: cell.work_share !== null && cell.work_share < run.nothing_ratio,
  };
}

/** A quantity of all `choices`; null where one of them has none. */
function column(choices, key) {
  const values = choices.map((choice) => choice[key]);
  return values.length && !values.includes(null) ? values : null;
}

/** The one of `choices` with the most of `key`; a choice without is none of them. */
function most(choices, key) {
  const known = choices.filter((choice) => choice[key] !== null);
  return known.reduce((best, each) => (best && best[key] >= each[key] ? best : each), null);
}

/**
 * The simplest of `choices` with the task and the clocks of `best`, in containment and then in placement, of those that
 * have about as much of `merit`.
 */
function simplest(choices, best, merit) {
  const alike = choices.filter(
    ({ cell, ...choice }) =>
      run.places[cell.place].clocks === run.places[best.cell.place].clocks &&
      cell.task_id === best.cell.task_id &&
      (merit === "quick" || (choice[merit] !== null && choice[merit] >= run.alike_ratio * best[merit])),
  );
  const better = (a, b) => a.cell.complexity - b.cell.complexity || (merit === "quick" ? 0 : b[merit] - a[merit]);
  return alike.sort(better)[0];
}

// What choices are ranked by, in words: as colocate.study.advice.Merit.
const MERITS = { per_j: "most work per joule", work_share: "most work", quick: "least slowdown" };

/** What `useful` choices are ranked by: the first of MERITS that is known of them. */
function meritOf(useful) {
  const known = useful.filter((choice) => choice.work_share !== null);
  return known.length ? (column(known, "per_j") ? "per_j" : "work_share") : "quick";
}

/** The one to recommend of `useful` choices, in which the task works; null where there is none. */
function bestAmong(useful) {
  if (!useful.length) return null;
  const known = useful.filter((choice) => choice.work_share !== null);
  const least = useful.map((choice) => ({ ...choice, quick: choice.slowdown === null ? null : -choice.slowdown }));
  const merit = meritOf(useful);
  return simplest(useful, most(known.length ? known : least, merit) ?? useful[0], merit);
}

/**
 * The numbers of the choices on the Pareto front of `cost`, by the digits that tables show: whole per cent of full
 * speed, and three of the cost. Of choices that are equal so, it has one: a `preferred` one, else the simplest.
 */
function frontOf(known, cost, preferred) {
  if (!column(known, cost)) return new Set();
  const later = (choice) => (preferred.has(choice.number) ? 0 : 1);
  const points = known.map((choice) => ({ choice, work: Math.round(100 * choice.work_share), shown: Number(choice[cost].toPrecision(3)) }));
  points.sort((a, b) => b.work - a.work || a.shown - b.shown || later(a.choice) - later(b.choice) || a.choice.cell.complexity - b.choice.cell.complexity);
  const front = new Set();
  let least = Infinity;
  // The most work first: what follows has to cost less.
  for (const { choice, shown } of points) {
    if (shown < least) front.add(choice.number);
    least = Math.min(least, shown);
  }
  return front;
}

/**
 * The choices of one network, with the recommended one and the best of each task marked, and for each cost those that
 * no other betters. Those in which the task does next to no work have no mark.
 */
function ranked(choices) {
  const useful = choices.filter((choice) => !choice.idle);
  const known = useful.filter((choice) => choice.work_share !== null);
  const best = bestAmong(useful);
  const tasks = [...new Set(useful.map((choice) => choice.cell.task_id))];
  const ofTask = new Set(tasks.map((task) => bestAmong(useful.filter((choice) => choice.cell.task_id === task)).number));
  const [byPower, bySlowdown] = ["power_w", "slowdown"].map((key) => frontOf(known, key, ofTask));
  return choices.map((choice) => ({
    ...choice,
    recommended: choice.number === best?.number,
    merit: MERITS[meritOf(useful)],
    best_of_task: ofTask.has(choice.number),
    front: { power_w: byPower.has(choice.number), slowdown: bySlowdown.has(choice.number) },
  }));
}
