"""Lists of CPUs as text."""

from __future__ import annotations

from collections.abc import Sequence


def number_ranges(numbers: Sequence[int], separator: str = ",") -> str:
    """Return `numbers` as text with ranges, as Linux writes lists of CPUs: `0-3,8` for 0, 1, 2, 3 and 8."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return separator.join(f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
