// The rule, as in colocate.study.advice.

const SYMBOLS = { SAFE: "✓", UNSAFE: "✕", UNDECIDED: "?" };
const VERDICTS = Object.keys(SYMBOLS);

function check(cell, quantity, limit) {
  const bound = cell.bounds[quantity];
  const name = views.get(quantity).label;
  if (!bound) return { verdict: "UNDECIDED", reason: `${name}: ${cell.absent[quantity]}` };
  const [value, lo, hi] = bound;
  if (lo !== null && lo > limit) return { verdict: "UNSAFE", reason: `${name} breaks its limit` };
  if (hi !== null && hi <= limit) return { verdict: "SAFE", reason: "" };
  const withheld = cell.withheld[quantity];
  if (withheld && value <= limit) return { verdict: "UNDECIDED", reason: `${name} is within its limit but has the warning ${withheld}` };
  if (cell.short.includes(quantity)) return { verdict: "UNDECIDED", reason: `${name} has no interval yet: it takes two blocks` };
  return { verdict: "UNDECIDED", reason: `the bounds of ${name} hold its limit` };
}

/** The verdict on a cell under `limits`, by quantity, and the reasons for it. */
function judge(cell, limits) {
  const checks = Object.entries(limits).map(([quantity, limit]) => check(cell, quantity, limit));
  const some = (verdict) => checks.some((each) => each.verdict === verdict);
  const verdict = some("UNSAFE") ? "UNSAFE" : some("UNDECIDED") ? "UNDECIDED" : "SAFE";
  return { verdict, reasons: checks.filter((each) => each.verdict === verdict && each.reason).map((each) => each.reason) };
}

/** How many of `rulings` have each verdict. */
const counted = (rulings) => VERDICTS.map((verdict) => [verdict, rulings.filter((ruling) => ruling?.verdict === verdict).length]);
