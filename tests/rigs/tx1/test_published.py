"""The model against what was published."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from colocate.rigs.tx1.published import CALIBRATION, CMU, NOT_FITTED, Check, validate

CHECKS = validate()


def errors(belongs: Callable[[Check], bool]) -> np.ndarray:
    found = np.array([abs(check.error_ratio) for check in CHECKS if belongs(check)])
    assert len(found)
    return found


def test_latencies_of_the_founding_study() -> None:
    found = errors(lambda check: check.figure.quantity == "latency_s")
    assert np.median(found) <= 0.10 and found.max() <= 0.20


def test_forward_times_of_both_runtimes_at_every_batch_and_precision() -> None:
    found = errors(lambda check: check.figure.quantity in ("forward_s", "layers_s"))
    assert np.median(found) <= 0.10 and found.max() <= 0.20


def test_no_calibration_figure_of_a_time_is_far_off() -> None:
    found = errors(lambda check: check.figure.role == CALIBRATION and check.figure.quantity != "power_w")
    assert np.median(found) <= 0.10 and found.max() <= 0.20


def test_total_power_of_the_founding_study() -> None:
    found = errors(lambda check: check.figure.source == CMU and check.figure.rail == "VDD_IN")
    assert np.median(found) <= 0.10 and found.max() <= 0.20


def test_figures_that_no_constant_was_fitted_to() -> None:
    rates = errors(lambda check: check.figure.role == NOT_FITTED and check.figure.quantity == "images_per_s")
    powers = errors(lambda check: check.figure.role == NOT_FITTED and check.figure.quantity == "power_w")
    assert rates.max() <= 0.25
    assert powers.max() <= 0.20


def test_the_share_of_peak_falls_with_the_gpu_clock_as_measured() -> None:
    macs = {"alexnet": 7.244e9, "resnet152": 11.282e9}
    measured = {("alexnet", 77): 0.51, ("alexnet", 998): 0.23, ("resnet152", 77): 0.38, ("resnet152", 998): 0.19}
    for check in CHECKS:
        figure = check.figure
        if figure.quantity == "latency_s" and figure.setting.cpu_hz > 1.7e9 and figure.inference is not None:
            share = macs[figure.inference.network] / check.model / (256 * figure.setting.gpu_hz)
            wanted = measured[figure.inference.network, round(figure.setting.gpu_hz / 1e6)]
            assert abs(share / wanted - 1) < 0.06
