// The answer in words: how many cells have each verdict, and of each network the best choice of every task.

/** How many cells have each verdict; where there is none, `problem` says why. */
function showTally(rulings, problem) {
  const bands = counted(rulings).map(([verdict, count]) => bandOf(verdict, `${SYMBOLS[verdict]} ${count} ${verdict}`));
  find("#tally").replaceChildren(...(problem ? [problem] : bands));
}

/** A line for each network, and where several tasks may run one below it for each. */
function showAnswers(rulings, choices) {
  const lines = run.networks.map((name, network) => {
    const own = rulings.filter((ruling, number) => ruling && run.places[run.cells[number].place].network === network);
    if (!own.length) return [];
    const counts = counted(own).filter(([, count]) => count).map(([verdict, count]) => `${count} ${verdict}`).join(", ");
    const safe = choices.filter((choice) => choice.network === network);
    const line = make("li");
    const best = safe.filter((choice) => choice.best_of_task);
    line.append(make("b", name), `: ${counts}. `, safe.length ? mayRun(best, safe, rulings) : whyNone(own));
    if (best.length > 1) {
      const list = line.appendChild(make("ul"));
      list.append(...best.map((choice) => make("li", described(choice, safe, rulings))));
    }
    return [line];
  });
  find("#answers").replaceChildren(...lines.flat());
  find("#rule").textContent = ruleWords(choices);
}

/** Which tasks may run, of which these `choices` of a network are the `best`. */
function mayRun(best, choices, rulings) {
  if (!best.length) return "No best choice: where a task is SAFE it does next to no work.";
  if (best.length === 1) return `Best choice: ${described(best[0], choices, rulings)}`;
  const names = best.map(({ cell }) => cell.task_name);
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)} may run, one at a time:`;
}

/** Where a choice runs, its own numbers with the limits that they meet, and what speaks against it. */
function described(choice, choices, rulings) {
  const { cell, number, power_w, work_share } = choice;
  const limitOf = (quantity) => {
    const found = rulings[number].limits[quantity];
    return found === undefined ? "" : ` (limit ${limitWords(quantity, found)})`;
  };
  const percentile = find("#percentile").value in cell.latency_ms ? find("#percentile").value : "p95";
  const latency = cell.latency_ms[percentile];
  const numbers = [
    latency && `${percentile} ${latency}${NBSP}ms${limitOf(`latency_${percentile}_s`)}`,
    power_w !== null && `${threeDigits(power_w)}${NBSP}W${limitOf("power_w")}`,
    work_share !== null && `at ${percent(work_share)} of its full speed`,
  ];
  const against = [betterThan(choice, choices), ...withinError(cell, rulings[number].limits)];
  return [`${placed({ cell })}: ${numbers.filter(Boolean).join(", ")}.`, ...against].filter(Boolean).join(" ");
}

const placed = ({ cell }) => `${cell.ran}, ${placeName(run.places[cell.place])}`;

/** Where a model is SAFE by less than it is off what was published. */
function withinError(cell, limits) {
  return Object.entries(limits).flatMap(([quantity, limit]) => {
    const margin = 1 - cell.bounds[quantity][2] / limit;
    const error = run.model_errors[quantity];
    if (error === undefined || margin >= error.ratio) return [];
    return [`The upper bound of its ${error.name} is ${(100 * margin).toFixed(1)}${NBSP}% below the limit; ${error.words}: measure this on your board.`];
  });
}

/** Why nothing of a network is SAFE: by which limits its cells were decided, the one of most cells first. */
function whyNone(rulings) {
  const counts = new Map();
  for (const { deciding } of rulings) counts.set(deciding.quantity, (counts.get(deciding.quantity) ?? 0) + 1);
  const words = [...counts].sort(([, a], [, b]) => b - a).map(([quantity, count], nth) => {
    const { limit } = rulings.find(({ deciding }) => deciding.quantity === quantity).deciding;
    return `${views.get(quantity).label} (limit ${limitWords(quantity, limit)}) ${nth ? "" : "decides "}${count}${nth ? "" : ` of ${rulings.length} cells`}`;
  });
  return `Nothing is SAFE: ${words.join(", ")}.`;
}

/**
 * What another of the `choices` in which tasks work does better: more work of the same task and a faster network, else a
 * far faster network.
 */
function betterThan(choice, choices) {
  const known = choices.filter((each) => each.latency_s !== null && !each.idle);
  if (choice.latency_s === null) return "";
  const percentile = find("#percentile").value;
  const place = (each) => {
    const latency = each.cell.latency_ms[percentile] ? `: ${percentile} ${each.cell.latency_ms[percentile]}${NBSP}ms` : "";
    return `${placed(each)}${latency}${each.power_w === null ? "" : `, ${threeDigits(each.power_w)}${NBSP}W`}`;
  };
  const moreWork = (each) =>
    each.cell.task_id === choice.cell.task_id && each.work_share !== null && choice.work_share !== null && run.alike_ratio * each.work_share > choice.work_share;
  const better = known.filter((each) => each.latency_s < run.alike_ratio * choice.latency_s && moreWork(each));
  if (better.length) {
    const most = better.reduce((best, each) => (best.work_share >= each.work_share ? best : each));
    return `For more work and a faster network: ${place(most)}, at ${percent(most.work_share)} of its full speed.`;
  }
  const fastest = known.reduce((best, each) => (best.latency_s <= each.latency_s ? best : each), choice);
  const times = choice.latency_s / fastest.latency_s;
  return times > run.far_slower ? `The network is ${times.toFixed(1)} times as slow there as in the fastest of all SAFE choices: ${place(fastest)}.` : "";
}

/** By which rule the best choice of each task was taken; empty where there was nothing to choose. */
function ruleWords(choices) {
  const best = choices.filter((each) => each.best_of_task);
  if (choices.filter((each) => !each.idle).length === best.length) return "";
  const merits = [...new Set(best.map((each) => each.merit))];
  return `The best choice of a task has the ${merits.join(" or ")}. ${run.simpler}`.trimEnd();
}
