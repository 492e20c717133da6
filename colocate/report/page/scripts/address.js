// What is set, in the fragment of the page's address and as a command.

/** The state in the address, by name; null where it holds none. */
function stateOfAddress() {
  const fragment = location.hash.slice(1);
  return fragment.includes("=") ? Object.fromEntries(new URLSearchParams(fragment)) : null;
}

function writeAddress(state) {
  history.replaceState(null, "", `#${new URLSearchParams(state)}`);
}

/** The command that gives the same verdicts; of the study's own limits one that is not set is dropped. */
function commandOf(limits) {
  const { percentile, ...set } = limits.flags;
  const ofStudy = Object.keys(run.limits).length ? Object.keys(limits.ofStudy).filter((name) => name in LIMITS) : [];
  const words = Object.entries(set).map(([name, value]) => `--${name} ${value}`);
  if ("slo-ms" in set || "max-slowdown" in set) words.push(`--percentile ${percentile}`);
  words.push(...ofStudy.filter((name) => !(name in set)).map((name) => `--without ${name}`));
  return ["python -m colocate advise", run.folder, ...words].join(" ");
}

async function copy(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(find("#command"));
    button.textContent = "Press Ctrl+C to copy";
  }
  setTimeout(() => (button.textContent = label), 2000);
}
