"""Tables whose true verdicts are known: what the error rates of advice, sequential and comparison are tested against.

A table is 27 blocks, each a network at a clock point with three tasks, so 81 cells. Slowdowns run from none to 30 %.
Windows hold 600 latencies, an autoregressive series as in `truth`; what sampling does to a window's quantile is drawn
from a bank of windows simulated in full, so that a thousand tables take seconds. On top come the noise of a block,
of another size in each cell, and that of its solo window, which its three tasks share.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from colocate.model.cell import Cell
from colocate.model.limits import Limits, Quantity
from colocate.model.request import ClockPoint, Inference
from colocate.model.trial import FloatArray
from colocate.study.advice import Advice, Verdict
from colocate.study.evidence import Evidence
from colocate.study.sequential import Interim, Schedule, judge
from tests.study.truth import series

TASKS = ("bitcount", "jpeg", "stringsearch")
PLACES = tuple(itertools.product(("alexnet", "googlenet", "resnet152"), range(1, 10)))
CELLS = len(PLACES) * len(TASKS)
MAX_SLOWDOWN, BUDGET_W = 1.1, 10.0
WINDOW_SAMPLES, BANK_WINDOWS = 600, 3000
BoolArray = npt.NDArray[np.bool_]


def cell(network: str, step: int, task: str) -> Cell:
    return Cell(Inference(network, "synthetic"), task, "isolated", ClockPoint(step, step), 0, 0)


COLOCATED = tuple(cell(network, step, task) for network, step in PLACES for task in TASKS)
SOLO = tuple(cell(network, step, "none") for network, step in PLACES)


@functools.cache
def bank(rho: float, tail: float, quantile: float, body: float = 0.05) -> FloatArray:
    """Errors (BANK_WINDOWS,) of the log of a window's `quantile` that sampling alone makes; see `truth.Truth`."""
    z = series(np.random.default_rng(round(1000 * rho)), rho, WINDOW_SAMPLES, (BANK_WINDOWS,))
    z += tail * np.maximum(z, 0.0) ** 2
    truth = (q := float(ndtri(quantile))) + tail * max(q, 0.0) ** 2
    return body * (np.quantile(z, quantile, axis=0, method="median_unbiased") - truth)


@dataclass(frozen=True)
class Noise:
    """How blocks scatter. `spread` are the least and the largest standard deviation of a cell, log-uniform between.

    With `heavy` block noise is Student's t of 4 degrees of freedom, of the same standard deviation, and latencies
    have a power-law tail. Slowdowns are at `quantile`.
    """

    spread: tuple[float, float] = (0.005, 0.03)
    solo: float = 0.005
    rhos: tuple[float, ...] = (0.0, 0.5, 0.9)
    heavy: bool = False
    quantile: float = 0.5

    def spreads(self, rng: np.random.Generator, n: int) -> FloatArray:
        least, largest = map(math.log, self.spread)
        return np.exp(rng.uniform(least, largest, (n, 1)))

    def autocorrelations(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.int_]:
        return rng.integers(len(self.rhos), size=n)

    def block(self, rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
        return rng.standard_t(4, shape) / math.sqrt(2) if self.heavy else rng.standard_normal(shape)

    def window(self, rng: np.random.Generator, of: npt.NDArray[np.int_], repeats: int, tail: float) -> FloatArray:
        """Errors of sampling (cells, repeats) in cells whose autocorrelation is `rhos[of]`, `of` (cells,)."""
        banks = np.array([bank(rho, tail, self.quantile) for rho in self.rhos])
        return banks[of[:, None], rng.integers(BANK_WINDOWS, size=(len(of), repeats))]

    def slowdowns(self, rng: np.random.Generator, truth: FloatArray, repeats: int) -> FloatArray:
        """Slowdowns (cells, repeats) as measured of a true one (cells,)."""
        cells, places = len(truth), len(truth) // len(TASKS)
        baseline = self.solo * rng.standard_normal((places, repeats))
        baseline += self.window(rng, self.autocorrelations(rng, places), repeats, 0.0)
        beside = self.spreads(rng, cells) * self.block(rng, (cells, repeats))
        beside += self.window(rng, self.autocorrelations(rng, cells), repeats, 2.0 if self.heavy else 0.0)
        return truth[:, None] * np.exp(beside - baseline.repeat(len(TASKS), axis=0))

    def powers(self, rng: np.random.Generator, truth: FloatArray, repeats: int) -> FloatArray:
        shape = len(truth), repeats
        return truth[:, None] * np.exp(self.spreads(rng, len(truth)) / 3 * self.block(rng, shape))


@dataclass(frozen=True)
class Table:
    """Measured slowdown and power (cells, repeats), and whether each cell is truly within both limits."""

    safe: BoolArray
    slowdown: FloatArray
    power_w: FloatArray

    def evidence(self, repeats: int | npt.NDArray[np.int_]) -> list[Evidence]:
        """The first `repeats` repeats, of every cell or (cells,) of each."""
        upto = np.broadcast_to(repeats, CELLS)
        return [
            evidence(COLOCATED[i], {Quantity.SLOWDOWN_P50: self.slowdown[i, :n], Quantity.POWER: self.power_w[i, :n]})
            for i, n in enumerate(upto.tolist())
        ]


LIMITS = Limits(max_slowdown=MAX_SLOWDOWN, power_budget_w=BUDGET_W, percentile="p50")


def evidence(of: Cell, values: dict[Quantity, FloatArray]) -> Evidence:
    return Evidence(of, {q: dict(enumerate(series_.tolist())) for q, series_ in values.items()}, {}, {})


def around(value: float, spread: float = 0.01, blocks: int = 5) -> FloatArray:
    """So many values of exactly this geometric mean and standard deviation of the logarithm."""
    z = np.linspace(-1, 1, blocks)
    return np.asarray(value * np.exp(spread * (z / z.std(ddof=1) if blocks > 1 else 0.0 * z)))


def draw(rng: np.random.Generator, repeats: int, noise: Noise, at_limit: float) -> Table:
    """A table with the share `at_limit` of its cells right at a limit; a third of the others has no effect.

    Of those at a limit half are exactly on it, where SAFE is right and UNSAFE wrong, and half a hair beyond it, where
    it is the other way round: by slowdown, by power, or with both at their limits.
    """
    slowdown = 1 + np.where(rng.random(CELLS) < 1 / 3, 0.0, rng.uniform(0, 0.3, CELLS))
    power_w = rng.uniform(5, 12, CELLS)
    at, which = rng.random(CELLS) < at_limit, rng.integers(4, size=CELLS)
    slowdown = np.where(at & (which != 1), MAX_SLOWDOWN, slowdown)
    power_w = np.where(at, np.where((which == 1) | (which == 2), BUDGET_W, rng.uniform(5, 8, CELLS)), power_w)
    # Where power is the limit that matters, the slowdown must not decide instead.
    slowdown = np.where(at & (which == 1), 1.02, slowdown)
    beyond = at & (rng.random(CELLS) < 0.5)
    slowdown = np.where(beyond & (which != 1), slowdown * (1 + 1e-9), slowdown)
    power_w = np.where(beyond & (which == 1), power_w * (1 + 1e-9), power_w)
    return Table(
        (slowdown <= MAX_SLOWDOWN) & (power_w <= BUDGET_W),
        noise.slowdowns(rng, slowdown, repeats),
        noise.powers(rng, power_w, repeats),
    )


@dataclass(frozen=True)
class Outcome:
    """Whether any cell of a table was wrongly called SAFE, or UNSAFE, and the share that was called either."""

    false_safe: bool
    false_unsafe: bool
    decided: float

    @classmethod
    def of(cls, advice: Advice, table: Table) -> Outcome:
        verdicts = np.array([ruling.verdict.name for ruling in advice.rulings])
        return cls(
            bool((verdicts[~table.safe] == "SAFE").any()),
            bool((verdicts[table.safe] == "UNSAFE").any()),
            float((verdicts != "UNDECIDED").mean()),
        )


def rates(outcomes: Sequence[Outcome]) -> tuple[float, float, float]:
    """Shares of tables with a false SAFE and with a false UNSAFE, and the mean share of cells decided."""
    columns = [(float(o.false_safe), float(o.false_unsafe), o.decided) for o in outcomes]
    false_safe, false_unsafe, decided = np.mean(columns, axis=0).tolist()
    return false_safe, false_unsafe, decided


def windows(open_: BoolArray, repeats: int) -> int:
    """How many windows `repeats` more repeats of the `open_` cells (cells,) take, each block with its solo window."""
    blocks = open_.reshape(-1, len(TASKS))
    return repeats * int(open_.sum() + blocks.any(axis=1).sum())


def until_decided(table: Table, schedule: Schedule) -> tuple[Interim, int]:
    """Where the study ends, and how many windows it took. A verdict once given has to stay."""
    repeats, taken = np.zeros(CELLS, dtype=np.int_), 0
    open_ = np.ones(CELLS, dtype=np.bool_)
    given: dict[Cell, Verdict] = {}
    upto = 0
    while (look := schedule.next_look(upto)) is not None and open_.any():
        taken += windows(open_, look - upto)
        repeats[open_] = upto = look
        progress = judge(table.evidence(repeats), LIMITS, schedule)
        for ruling in progress.settled:
            assert given.setdefault(ruling.cell, ruling.verdict) is ruling.verdict
        assert len(given) == len(progress.settled)
        still = {ruling.cell for ruling in progress.open}
        open_ = np.array([each in still for each in COLOCATED])
    return progress, taken


def run(rng: np.random.Generator, machine: int, slowdown: FloatArray, noise: Noise, blocks: int) -> list[Evidence]:
    """A whole run, solo baselines too: latency, slowdown and power of cells of true `slowdown` (cells,).

    `machine` seeds what is the same in two runs of one machine: how much each cell scatters.
    """
    same, n = np.random.default_rng(machine), len(PLACES) + CELLS
    truth_s = 0.01 * np.concatenate([np.ones(len(PLACES)), slowdown])
    noise_of = noise.spreads(same, n) * noise.block(rng, (n, blocks))
    latency_s = truth_s[:, None] * np.exp(noise_of + noise.window(rng, noise.autocorrelations(same, n), blocks, 0.0))
    power_w = 8.0 * np.exp(noise.spreads(same, n) / 3 * noise.block(rng, (n, blocks)))
    solo_s = latency_s[: len(PLACES)].repeat(len(TASKS), axis=0)
    found = []
    for i, of in enumerate((*SOLO, *COLOCATED)):
        values = {Quantity.LATENCY_P50: latency_s[i], Quantity.POWER: power_w[i]}
        if i >= len(PLACES):
            values[Quantity.SLOWDOWN_P50] = latency_s[i] / solo_s[i - len(PLACES)]
        found.append(evidence(of, values))
    return found
