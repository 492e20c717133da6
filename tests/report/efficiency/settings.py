"""Three settings of AlexNet: the default one, the best, and one that fails."""

from __future__ import annotations

from colocate.model.purpose import Aim
from colocate.model.request import ClockPoint, Inference, SweepSpec
from colocate.report.efficiency.load import EfficiencyReport
from colocate.study.efficiency import Efficiency, efficiencies
from colocate.study.trade_offs import trade_offs, worth_of
from tests.study.solo import solo
from tests.study.truth import trial

CLOCKS = ClockPoint(1_734_000_000, 998_400_000)
PLAIN = Inference("alexnet", "tensorrt")
BEST = Inference("alexnet", "tensorrt", "fp16", batch=8)
FAILED = Inference("alexnet", "tensorrt", batch=64)
MESSAGE = "out of memory"


def rows(watts: float | None = 5.0, n: int = 600, repeats: int = 3) -> tuple[Efficiency, ...]:
    """The three, metered or not, each window with so many inferences: 10 ms and 20 ms at four times the images/J."""
    done = [
        solo(inference, latency_s, watts, repeat, CLOCKS, n)
        for repeat in range(repeats)
        for inference, latency_s in ((PLAIN, 0.010), (BEST, 0.020))
    ]
    spec = SweepSpec((PLAIN, BEST, FAILED), ())
    found = efficiencies(done, spec, [(trial(0, None, FAILED, CLOCKS), MESSAGE)])
    by_inference = {row.setting.inference: row for row in found}
    return tuple(by_inference[inference] for inference in (PLAIN, BEST, FAILED))


ROWS = rows()


def report_for(aim: Aim | None = None, of: tuple[Efficiency, ...] = ROWS) -> EfficiencyReport:
    """The report on these rows; without an aim that on images/s/W alone."""
    aim = aim or Aim()
    return EfficiencyReport(
        aim, of, trade_offs(of, worth_of(aim), aim.quantile, "tensorrt", power_budget_w=aim.power_budget_w)
    )
