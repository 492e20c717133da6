"""Values that are wrong wherever a kind of value is wanted, and strings that are hard to take."""

from __future__ import annotations

import random

# No number of anything: whatever a flag or a key wants of a number, it does not want these.
NO_NUMBER = (
    "", " ", "--", "-", "nan", "inf", "-inf", "NaN", "Infinity", "x", "1,5", "1 2", "0x10", "1_000", "\u0661",
    "1e", "e1", "1e999", "-1e999", "9" * 4000 + "x", "true", "None", "1;2", "\x00", "\x1b[31m5", "=1+1", "\ufeff5",
    "\udcff", "5\n6", "½", "1/2", "10%", "ms", "1ms",
)  # fmt: skip
# Strings that are hard for some code to take: wrong or not depends on where they stand.
HARD = (
    *NO_NUMBER, "9" * 4000, "-" + "9" * 4000, "1e308", "1e-308", "5e-324", "0", "-0", "-1", "0.1", "100",
    "2147483648", "9223372036854775808", "1e22", "a" * 300, "a" * 100_000, "../../../etc/passwd", "/dev/null",
    "/dev/zero", "/", ".", "..", "~", "$HOME", "`id`", "a;b", "a&&b", "a|b", "%s%n", "{}", "{0}", "[red]x[/red]",
    "\x1b]0;x\x07", "\r",
    "\t", "\u202e", "\u200b", "none", "None", "a=b", "=", "==", ",", ",,", "a,", "a,a", "0-100000", "5-1", "1-",
    "-1-", "0-", "network:", "network:alexnet", "alexnet", "a+b", "+", "@", "a@", "a@idle", "@batch", "1x", "x1",
    "1x-1x3", "0x0", "99999999999x1", "weight=", "weight=0", "quota=0%", "quota=1e9%", "quota=20%/0",
    "cpus=0", "cpus=99999",
    "(", "(?P<n>x)", "((a)(b))", "(a*)*b", "[", "\\", "'", '"', "low", "mid", "high", "native",
)  # fmt: skip


def hard(random_: random.Random) -> str:
    """One of them, or a few of their characters mixed."""
    if random_.random() < 0.8:
        return random_.choice(HARD)
    mixed = "".join(random_.choice(HARD) for _ in range(random_.randint(1, 3)))
    return "".join(random_.sample(mixed[:200], min(len(mixed), 200)))
