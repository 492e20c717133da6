"""What the READMEs of the modelled studies say in words is what their tables say in numbers."""

from __future__ import annotations

import itertools
import re
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

from colocate.model.request import Inference
from colocate.rigs.tx1.clocks import CPU_STEPS_HZ, GPU_STEPS_HZ
from colocate.rigs.tx1.model import Load, OperatingPoint, Tx1Model
from tests.rows import rows_of

RESULTS = Path(__file__).parents[2] / "results"


def words_of(path: Path) -> str:
    """The text without its line breaks."""
    return " ".join(path.read_text(encoding="utf-8").split())


def spread(errors: Sequence[float]) -> str:
    """Absolute errors in % as the READMEs tell them."""
    found = [abs(error) for error in errors]
    return f"{statistics.median(found):.1f} % in the median and {max(found):.1f} % at worst"


def test_the_readmes_quote_the_validation() -> None:
    checks = rows_of(RESULTS / "tx1-model" / "validation.csv")

    def errors_of(role: str, quantity: str = "", source: str = "") -> list[float]:
        return [
            100 * float(check["error_ratio"])
            for check in checks
            if check["role"] == role and quantity in check["quantity"] and source in check["source"]
        ]

    calibration, others = errors_of("calibration"), errors_of("not fitted")
    words = words_of(RESULTS.parent / "docs" / "tx1-model.md")
    assert f"Against the {len(calibration)} published figures" in words
    assert f"it is off by {spread(calibration)}" in words
    assert f"against the {len(others)} others, to which none was fitted, by {spread(others)}" in words
    board = [
        100 * float(check["error_ratio"])
        for check in checks
        if check["role"] == "not fitted" and check["rail"] == "VDD_IN" and check["quantity"] == "active_power_w"
    ]
    assert (
        f"{len(board)} are the mean power of the whole board, which a power budget limits: {spread(board)}" in words
    )
    assert f"NVIDIA's images per second by {spread(errors_of('not fitted', 'images_per_s'))}" in words
    for folder in ("tx1-model", "tx1-model-2017"):
        own = words_of(RESULTS / folder / "README.md")
        powers_w = {float(row["power_w"]): row["task"] for row in rows_of(RESULTS / folder / "cells.csv")}
        alone_w = max(power_w for power_w, task in powers_w.items() if task == "none")
        assert f"{alone_w:.1f} W alone and {max(powers_w):.1f} W beside {powers_w[max(powers_w)]}" in own


def test_the_readme_of_2017_quotes_its_cells() -> None:
    folder = RESULTS / "tx1-model-2017"
    rows = {
        (row["network"], row["task"], int(row["cpu_hz"]), int(row["gpu_hz"])): row
        for row in rows_of(folder / "cells.csv")
    }
    p50_s = {key: float(row["p50_s"]) for key, row in rows.items()}
    text, words, off = (folder / "README.md").read_text(), words_of(folder / "README.md"), []
    latencies = re.findall(r"^\| (\w+) \| ([\d.]+) \| ([\d.]+) \| (\d\.\d{4}.*) \|$", text, re.MULTILINE)
    assert len(latencies) == 8
    for network, cpu_mhz, gpu_mhz, columns in latencies:
        numbers = [float(column.removesuffix(" %")) for column in columns.split(" | ")]
        for task, published, model, error in zip(
            ("jpeg-small", "bitcount", "stringsearch"), numbers[::3], numbers[1::3], numbers[2::3], strict=True
        ):
            own = p50_s[network, task, round(float(cpu_mhz) * 1e6), round(float(gpu_mhz) * 1e6)]
            assert model == pytest.approx(own, abs=6e-5)
            assert error == pytest.approx(100 * (own / published - 1), abs=0.06)
            off.append(100 * (own / published - 1))
    assert f"Error of the 24: {spread(off)}." in words
    headline = rows["resnet152", "jpeg-small", 102_000_000, 998_400_000]
    beside_bitcount_s = p50_s["resnet152", "bitcount", 102_000_000, 998_400_000]
    slowdown, lo, hi = (float(headline[f"slowdown_p50{end}"]) for end in ("", "_lo", "_hi"))
    assert (
        f"{float(headline['p50_s']):.4f} s beside jpeg-small and {beside_bitcount_s:.4f} s beside bitcount" in words
    )
    assert f"{slowdown:.4f}, with a 95 % interval of {lo:.4f} to {hi:.4f}" in words
    assert f"The largest error in the first table, {max(map(abs, off)):.1f} %," in words


def test_the_readme_tells_what_a_slower_cpu_wins_back_beside_jpeg() -> None:
    model = Tx1Model()

    def latency_s(cpu_hz: int, gpu_hz: int) -> float:
        line = model.predict(Inference("alexnet", "tensorrt"), OperatingPoint(cpu_hz, gpu_hz, Load("jpeg", 2))).line
        assert line is not None
        return line.latency_s

    usual = 1 - min(latency_s(hz, 998_400_000) for hz in CPU_STEPS_HZ) / latency_s(1_734_000_000, 998_400_000)
    most = max(
        1 - latency_s(low, gpu_hz) / latency_s(high, gpu_hz)
        for gpu_hz in GPU_STEPS_HZ
        for low, high in itertools.combinations(CPU_STEPS_HZ, 2)
    )
    words = words_of(RESULTS / "tx1-model" / "README.md")
    assert f"AlexNet by {100 * usual:.1f} % from 1734 to 710 MHz" in words
    assert f"by {100 * most:.1f} % at the most (710 to 204 MHz at GPU 153.6 MHz)" in words


def test_the_readme_of_2017_quotes_its_powers() -> None:
    folder = RESULTS / "tx1-model-2017"
    powers_w: defaultdict[tuple[str, int, int, str], list[float]] = defaultdict(list)
    for row in rows_of(folder / "cells.csv"):
        if row["task"] != "none":
            for rail, column in (("VDD_IN", "power_w"), ("VDD_GPU", "power_gpu_w"), ("VDD_CPU", "power_cpu_w")):
                powers_w[row["network"], int(row["cpu_hz"]), int(row["gpu_hz"]), rail].append(float(row[column]))
    table = re.findall(
        r"^\| (\w+) \| ([\d.]+) \| ([\d.]+) \| (\d+\.\d\d \| .*) \|$",
        (folder / "README.md").read_text(),
        re.MULTILINE,
    )
    assert len(table) == 8
    off: defaultdict[str, list[float]] = defaultdict(list)
    for network, cpu_mhz, gpu_mhz, columns in table:
        numbers = [float(column.removesuffix(" %")) for column in columns.split(" | ")]
        for rail, published, model, error in zip(
            ("VDD_IN", "VDD_GPU", "VDD_CPU"), numbers[::3], numbers[1::3], numbers[2::3], strict=True
        ):
            own = statistics.fmean(powers_w[network, round(float(cpu_mhz) * 1e6), round(float(gpu_mhz) * 1e6), rail])
            assert model == pytest.approx(own, abs=6e-3)
            assert error == pytest.approx(100 * (own / published - 1), abs=0.06)
            off[rail].append(100 * (own / published - 1))
    words = words_of(folder / "README.md")
    assert f"Error of VDD_IN: {spread(off['VDD_IN'])}; of VDD_GPU: {spread(off['VDD_GPU'])}; " in words
    assert f"of VDD_CPU: {spread(off['VDD_CPU'])}." in words
