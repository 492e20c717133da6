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
    line.append(make("b", name), `: ${counts}. `, bestOf(choices.find((choice) => choice.recommended && choice.network === network)));
    return own.length ? [line] : [];
  });
  find("#answers").replaceChildren(...lines.flat());
}

function bestOf(choice) {
  if (!choice) return "";
  const { p95 } = choice.cell.latency_ms;
  const numbers = [p95 && `p95 ${p95} ms`, choice.power_w !== null && `${threeDigits(choice.power_w)} W`, choice.work_share !== null && `${percent(choice.work_share)} of its full speed`];
  return `Best choice: ${choice.cell.task}, ${placeName(run.places[choice.cell.place])}: ${numbers.filter(Boolean).join(", ")}.`;
}
