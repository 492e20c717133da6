from __future__ import annotations

import pytest

from colocate.host.cpus.scheduling import at_launch, nice_steps, scheduling
from colocate.model.containment import containment_words, parse_containment

# kernel/sched/core.c, sched_prio_to_weight, from nice 0 on.
WEIGHTS = (
    1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23, 18, 15
)  # fmt: skip


@pytest.mark.parametrize(
    ("weight", "steps"), [(100, 0), (80, 1), (10, 10), (1, 19), (125, -1), (1000, -10), (10_000, -20)]
)
def test_a_weight_is_the_nearest_nice_value(weight: int, steps: int) -> None:
    assert nice_steps(weight) == steps


def test_each_step_has_the_kernels_weight() -> None:
    for steps, weight in enumerate(WEIGHTS):
        assert nice_steps(max(1, round(weight * 100 / WEIGHTS[0]))) == pytest.approx(steps, abs=1)


@pytest.mark.parametrize(("words", "said"), [("none", "-"), ("cpus=2", "-"), ("idle", "idle"), ("weight=10", "10")])
def test_the_launcher_is_told_a_class_or_steps(words: str, said: str) -> None:
    assert scheduling(parse_containment(words)) == said


@pytest.mark.parametrize(
    ("words", "by_class", "cpus_too", "part"),
    [
        ("none", True, True, "none"),
        ("idle+cpus=2+quota=20%+fifo", True, True, "idle+cpus=2"),
        ("idle+cpus=2+quota=20%+fifo", True, False, "idle"),
        ("weight=10+cpus=2", False, True, "cpus=2"),
        ("weight=10+cpus=2", False, False, "none"),
        ("quota=20%/10+fifo", True, True, "none"),
    ],
)  # fmt: skip
def test_what_groups_can_do_needs_no_processes_of_its_own(
    words: str, by_class: bool, cpus_too: bool, part: str
) -> None:
    found = at_launch(parse_containment(words), by_class=by_class, cpus_too=cpus_too)
    assert containment_words(found) == part
    assert found == parse_containment(part), "two quotas are served by the same processes"
