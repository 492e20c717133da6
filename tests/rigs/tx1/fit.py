"""Fits the constants that are marked as fitted to the published figures, all at once, and cross-validates.

    python -m tests.rigs.tx1.fit            the fit; these values stand in constants.py, rounded
    python -m tests.rigs.tx1.fit --cross    fits without a part of the figures each time, and predicts that part

Least squares of log(model / published). A figure's weight says how much it tells: a whole network more than one of
eight neighbouring batch sizes, the board's power more than a rail that is read in steps of 76 mW. Errors beyond 10 %
count less than by their square (soft L1), so that one odd figure cannot bend the rest.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.optimize import least_squares

from colocate.model.trial import FloatArray
from colocate.rigs.tx1.constants import Constants, Known
from colocate.rigs.tx1.model import Tx1Model
from colocate.rigs.tx1.published import CALIBRATION, CK, CMU, Figure, FigureCheck, figures, validate

WEIGHTS = {"latency_s": 2.0, "forward_s": 0.5, "layers_s": 0.5, "layer_s": 0.25}
POWER_WEIGHTS = {"VDD_IN": 2.0, "VDD_GPU": 1.0, "VDD_CPU": 0.3}
ERROR_SCALE = 0.1

FITTED = [entry.name for entry in dataclasses.fields(Constants) if entry.metadata["known"] is Known.FITTED]


def usable(figure: Figure) -> bool:
    """Power without a network follows from constants that were read."""
    return figure.role == CALIBRATION and figure.inference is not None


def weight(figure: Figure) -> float:
    return POWER_WEIGHTS[figure.rail] if figure.quantity == "power_w" else WEIGHTS[figure.quantity]


def fit(among: Sequence[Figure], start: Constants) -> Constants:
    """`start` with its fitted constants fitted to `among`. They are all positive: the fit is of their logarithms."""
    weights = np.array([weight(figure) for figure in among])

    def residuals(logs: FloatArray) -> FloatArray:
        checks = validate(Tx1Model(_with(start, logs)), among)
        ratios = np.array([1 + check.error_ratio for check in checks])
        return np.asarray(weights * np.log(ratios))

    logs = np.log([getattr(start, name) for name in FITTED])
    found = least_squares(residuals, logs, diff_step=1e-3, loss="soft_l1", f_scale=ERROR_SCALE)
    return _with(start, found.x)


def _with(start: Constants, logs: FloatArray) -> Constants:
    return dataclasses.replace(start, **dict(zip(FITTED, map(float, np.exp(logs)), strict=True)))


def summary(checks: Sequence[FigureCheck]) -> str:
    errors = 100 * np.array([abs(check.error_ratio) for check in checks])
    return f"{len(errors):3d} figures, median {np.median(errors):4.1f} %, worst {errors.max():4.1f} %"


CMU_CELLS = sorted({f.name.split(":")[0] for f in figures() if f.quantity == "latency_s"})


def of(network: str, figure: Figure) -> bool:
    return figure.inference is not None and figure.inference.network == network


def is_large_batch(figure: Figure) -> bool:
    return figure.source == CK and figure.inference is not None and figure.inference.batch > 8


def is_fp16(figure: Figure) -> bool:
    return figure.inference is not None and figure.inference.precision == "fp16"


PARTS: Mapping[str, Callable[[Figure], bool]] = {
    **{cell: functools.partial(lambda name, figure: figure.name.startswith(name), cell) for cell in CMU_CELLS},
    "ResNet-152": functools.partial(of, "resnet152"),
    "AlexNet in the founding study": lambda figure: figure.source == CMU and of("alexnet", figure),
    "GPU 76.8 MHz": lambda figure: figure.setting.gpu_hz < 100e6,
    "CPU 102 MHz": lambda figure: figure.setting.cpu_hz < 200e6,
    "ck's batches above 8": is_large_batch,
    "FP16": is_fp16,
}


def report(title: str, checks: Sequence[FigureCheck]) -> None:
    print(title)
    for kind in ("", *POWER_WEIGHTS):
        if chosen := [check for check in checks if check.figure.rail == kind]:
            print(f"    {kind or 'time':8s} {summary(chosen)}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cross", action="store_true")
    everything = [figure for figure in figures() if usable(figure)]
    if not parser.parse_args().cross:
        fitted = fit(everything, Constants())
        for name in FITTED:
            print(f"{name:24s} {getattr(fitted, name):.3g}")
        report("all", validate(Tx1Model(fitted), everything))
        return
    for title, left_out in PARTS.items():
        fitted = fit([figure for figure in everything if not left_out(figure)], Constants())
        report(
            f"fitted without {title}, which it predicts:",
            validate(Tx1Model(fitted), [figure for figure in everything if left_out(figure)]),
        )


if __name__ == "__main__":
    main()
