from __future__ import annotations

from pathlib import Path

import pytest

from colocate.host.clocks.governor import follows_load
from colocate.host.sysfs import Sysfs
from tests.host.boards import CPU, put


@pytest.mark.parametrize(
    ("governor", "driver", "follows"),
    [
        ("schedutil", "cpufreq-dt", True),
        ("interactive", "tegra-cpufreq", True),
        ("performance", "intel_pstate", False),
        ("userspace", "cpufreq-dt", False),
        ("powersave", "cpufreq-dt", False),
        ("powersave", "intel_pstate", True),
    ],
)
def test_a_clock_that_a_governor_moves_follows_the_load(
    tmp_path: Path, governor: str, driver: str, follows: bool
) -> None:
    put(tmp_path, f"{CPU}/cpu0/cpufreq/scaling_governor", "performance")
    put(tmp_path, f"{CPU}/cpu1/cpufreq/scaling_governor", governor)
    put(tmp_path, f"{CPU}/cpu1/cpufreq/scaling_driver", driver)
    assert follows_load(Sysfs(tmp_path)) == follows


def test_without_a_clock_nothing_does(tmp_path: Path) -> None:
    assert not follows_load(Sysfs(tmp_path))
