"""Boards in words: how far they differ, which one is unlike the others, and what is expected of more such boards."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from colocate.model.fleet import Sharing
from colocate.report.fleet.load import FleetReport
from colocate.report.text.labels import plain
from colocate.report.text.numbers import counted, percent_text, ratio_text
from colocate.study.board_effects import BoardEffect
from colocate.study.tolerance import ODD_MIN_BOARDS, SHARE_OF_BOARDS
from colocate.study.verdicts import Verdict

_SHARED = {Sharing.SPREAD: "each block on one of them", Sharing.REPLICATE: "every block on each of them"}


def fleet_lines(report: FleetReport, confidence: float | None) -> list[str]:
    """Lines on the boards, of a sentence or two each. `confidence` is that of the limits; None without limits."""
    names = ", ".join(map(plain, report.boards))
    found = [f"{counted(len(report.boards), 'board')}, {_SHARED[report.sharing]}: {names}."]
    found += _scatter_words(report)
    found += _odd_words(report)
    if confidence is not None:
        found += _promise_words(report, confidence)
    return found


def _scatter_words(report: FleetReport) -> Iterator[str]:
    if report.effects is None:
        return
    scatter = report.effects.scatter
    if scatter.between is None or scatter.inside is None:
        return
    share = scatter.between_share
    of_all = "" if share is None else f": {percent_text(share)} of the variance of one block is between boards"
    between, inside = spread_text(scatter.between), spread_text(scatter.inside)
    yield (
        f"Latency varies by {between} from board to board and by {inside} from block to block on one board "
        f"(standard deviations){of_all}."
    )


def spread_text(variance: float) -> str:
    """The standard deviation of a quantity, as `1.2 %`, from the variance of its logarithm."""
    return f"{100 * math.sqrt(variance):.2g} %"


def _odd_words(report: FleetReport) -> Iterator[str]:
    if report.effects is None:
        return
    boards = report.effects.boards
    if len(boards) < ODD_MIN_BOARDS:
        yield f"{counted(len(boards), 'board')} are too few to call one odd: that takes {ODD_MIN_BOARDS}."
    yield from map(odd_words, report.effects.odd)


def odd_words(each: BoardEffect) -> str:
    """A sentence on a board whose latency is unlike that of others, and on what differs."""
    apart = "; ".join(f"{name} {own}, not {theirs}" for name, (own, theirs) in each.apart.items())
    facts = f"it differs in: {apart}" if apart else "no fact that is known of it differs"
    return (
        f"Board {plain(each.board.name)} is odd: latencies are {ratio_text(each.ratio, 3)} times those of the middle "
        f"of all boards, over {counted(each.blocks, 'block')}; {facts}."
    )


def _promise_words(report: FleetReport, confidence: float) -> Iterator[str]:
    if not report.promises:
        if report.sharing is Sharing.SPREAD:
            yield "Verdicts are on these boards together; --replicate tells what other boards like them would do."
        return
    count = Counter(each.verdict for each in report.promises)
    share, sure = percent_text(SHARE_OF_BOARDS), f"{100 * confidence:g} %"
    yield (
        f"Verdicts are on these {counted(len(report.boards), 'board')}: SAFE on each of them, or UNSAFE on one. Of "
        f"boards like these, {count[Verdict.SAFE]} of {counted(len(report.promises), 'cell')} "
        f"{'is' if count[Verdict.SAFE] == 1 else 'are'} SAFE on at least {share}, with {sure} confidence "
        f"({count[Verdict.UNSAFE]} UNSAFE, {count[Verdict.UNDECIDED]} UNDECIDED)."
    )
