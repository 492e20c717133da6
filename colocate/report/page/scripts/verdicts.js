// The rule, as in colocate.study.verdicts.

const SYMBOLS = { SAFE: "✓", UNSAFE: "✕", UNDECIDED: "?" };
const VERDICTS = Object.keys(SYMBOLS);

/** One quantity of a cell against its limit; `left` is the share of the limit left over. */
function check(cell, quantity, limit) {
  const bound = cell.bounds[quantity];
  const name = views.get(quantity).label;
  const found = (verdict, left, reason = "") => ({ quantity, limit, verdict, left, reason });
  if (!bound) return found("UNDECIDED", 0, `${name}: ${cell.absent[quantity]}`);
  const [value, lo, hi] = bound;
  const left = 1 - (value ?? Infinity) / limit;
  if (lo !== null && lo > limit) return found("UNSAFE", left, `${name} exceeds its limit`);
  if (hi !== null && hi <= limit) return found("SAFE", 1 - hi / limit);
  const withheld = cell.withheld[quantity];
  if (withheld && value <= limit) return found("UNDECIDED", left, `${name} is within its limit but has the warning ${withheld}`);
  if (cell.short.includes(quantity)) return found("UNDECIDED", left, `${name} has no interval yet: it takes two repeats`);
  return found("UNDECIDED", left, `the bounds of ${name} include its limit`);
}

/** The verdict on a cell under `limits`, by quantity, with these, the reasons for it, and the check that it hangs on. */
function judge(cell, limits) {
  const checks = Object.entries(limits).map(([quantity, limit]) => check(cell, quantity, limit));
  const some = (verdict) => checks.some((each) => each.verdict === verdict);
  const verdict = some("UNSAFE") ? "UNSAFE" : some("UNDECIDED") ? "UNDECIDED" : "SAFE";
  const own = checks.filter((each) => each.verdict === verdict);
  const deciding = own.reduce((least, each) => (each.left < least.left ? each : least));
  return { verdict, deciding, limits, reasons: own.map((each) => each.reason).filter(Boolean) };
}

/** How many of `rulings` have each verdict. */
const counted = (rulings) => VERDICTS.map((verdict) => [verdict, rulings.filter((ruling) => ruling?.verdict === verdict).length]);

const bandWords = (verdict) => `${SYMBOLS[verdict]} ${verdict}`;
const bandOf = (verdict, words = bandWords(verdict)) => make("span", words, { class: "band", "data-verdict": verdict });
