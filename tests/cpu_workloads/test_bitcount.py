"""The compute stressor: which words it counts, and whether it notices a wrong count."""

from __future__ import annotations

import pytest

pytest.importorskip("cpu_workloads._kernels", reason="the C kernels are not built")

from cpu_workloads.bitcount import WORD_STEP, Bitcount
from cpu_workloads.stressor import StressorError

KERNEL = "cpu_workloads.bitcount.bitcount"
AGREEING, DISAGREEING = (9,) * 7, (9, 9, 9, 8, 9, 9, 9)


def test_sound_work_verifies() -> None:
    stressor = Bitcount()
    assert stressor.step() == stressor.step() == 40_000
    stressor.verify()


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**32 + 7])
def test_each_step_goes_on_where_the_last_one_ended(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def kernel(word: int, iterations: int) -> tuple[int, ...]:
        asked.append((word, iterations))
        return AGREEING

    monkeypatch.setattr(KERNEL, kernel)
    stressor = Bitcount(seed, words_per_step=100)
    assert [stressor.step() for _ in range(3)] == [100, 100, 100]
    assert asked == [((seed + WORD_STEP * 100 * nth) % 2**32, 100) for nth in range(3)]
    stressor.verify()


def test_a_wrong_count_is_found_however_many_right_ones_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    totals = iter([DISAGREEING, AGREEING])
    monkeypatch.setattr(KERNEL, lambda _word, _iterations: next(totals))
    stressor = Bitcount()
    stressor.step()
    stressor.step()
    with pytest.raises(StressorError, match=r"the seven counts disagree: \(9, 9, 9, 8, 9, 9, 9\)") as failed:
        stressor.verify()
    assert failed.value.exit_code == 1


def test_its_tables_fit_any_first_level_cache() -> None:
    assert Bitcount().facts() == {"unit": "words", "footprint_bytes": 272}
