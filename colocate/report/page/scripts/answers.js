// The answer in words: how many cells have each verdict, and of each network the best choice.

/** How many cells have each verdict; where there is none, `problem` says why. */
function showTally(rulings, problem) {
  const bands = counted(rulings).map(([verdict, count]) => bandOf(verdict, `${SYMBOLS[verdict]} ${count} ${verdict}`));
  find("#tally").replaceChildren(...(problem ? [problem] : bands));
}

/** A line for each network. */
function showAnswers(rulings, choices) {
  const lines = run.networks.map((name, network) => {
    const own = rulings.filter((ruling, number) => ruling && run.places[run.cells[number].place].network === network);
    const counts = counted(own).filter(([, count]) => count).map(([verdict, count]) => `${count} ${verdict}`).join(", ");
    const line = make("li");
    line.append(make("b", name), `: ${counts}. `, bestOf(choices.filter((choice) => choice.network === network)));
    return own.length ? [line] : [];
  });
  find("#answers").replaceChildren(...lines.flat());
}

/** The recommended one of a network's `choices`, and what speaks against it. */
function bestOf(choices) {
  const choice = choices.find((each) => each.recommended);
  if (!choice) return choices.length ? "No best choice: where a task is SAFE it does next to no work." : "";
  const { p95 } = choice.cell.latency_ms;
  const numbers = [p95 && `p95 ${p95} ms`, choice.power_w !== null && `${threeDigits(choice.power_w)} W`, choice.work_share !== null && `${percent(choice.work_share)} of its full speed`];
  return `Best choice: ${placed(choice)}: ${numbers.filter(Boolean).join(", ")}.${slownessOf(choice, choices)}`;
}

const placed = ({ cell }) => `${cell.task}, ${placeName(run.places[cell.place])}`;

/** That the network is far slower there than in the fastest of its `choices` in which the task works. */
function slownessOf(choice, choices) {
  const known = choices.filter((each) => each.latency_s !== null && !each.idle);
  const fastest = known.reduce((best, each) => (best.latency_s <= each.latency_s ? best : each), choice);
  const times = choice.latency_s === null ? 1 : choice.latency_s / fastest.latency_s;
  return times > run.far_slower ? ` The network is ${times.toFixed(1)} times as slow there as in its fastest SAFE choice: ${placed(fastest)}.` : "";
}
