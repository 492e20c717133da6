"""The founding study's plots, from runs that have the cells for them, and the studies that are shipped."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import re
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text

from colocate.model.request import ClockPoint, Inference
from colocate.model.trial import TrialRecord
from colocate.report.sweep.columns import cell_row
from colocate.report.text.captions import caption_of
from colocate.report.tx1.founding import draw_founding_study
from colocate.rigs.tx1.clocks import CPU_STEPS_HZ, GPU_STEPS_HZ
from colocate.rigs.tx1.model import Load, OperatingPoint, Tx1Model
from colocate.rigs.tx1.rig import Tx1Rig
from colocate.spec import make_spec, read_study
from colocate.store import Header
from colocate.study.interference import cells
from colocate.study.plan import distinct_inferences, plan
from tests.rows import rows_of

RESULTS = Path(__file__).parents[2] / "results"


def modelled(**keys: Any) -> tuple[Header, list[TrialRecord]]:
    spec = make_spec({"rig": "tx1-model", "repeats": 2, "gpu_clocks": ["high"], "cpu_clocks": [102, 1734], **keys})
    rig = Tx1Rig()
    facts = rig.facts()
    trials = plan(spec, facts)
    records = [rig.run(trial) for trial in trials]
    return Header({}, spec, facts, rig.networks(distinct_inferences(trials)), {}, len(records)), records


RUN = modelled()


def page(run: tuple[Header, Sequence[TrialRecord]]) -> list[str] | None:
    """Every text of the page."""
    head, records = run
    found = cells(records, head.spec)
    figure = draw_founding_study(found, records, caption_of(head, found, records), head.networks)
    return None if figure is None else [item.get_text() for item in figure.findobj() if isinstance(item, Text)]


def test_the_page_names_its_panels_its_rig_and_how_tasks_ran() -> None:
    found = page(RUN)
    assert found is not None
    assert "tx1-model: MODEL of a Tegra X1, not a measurement" in found
    assert any("each task on 2 CPUs" in words for words in found)
    titles = (
        "CPU power of each task alone",
        "Latency, power and memory traffic",
        "Latency beside jpeg \N{MINUS SIGN} beside bitcount",
        "Latency of each network alone",
        "GPU power, googlenet \N{MINUS SIGN} resnet152",
    )
    assert set(titles) <= set(found)


def test_ratios_are_over_alexnet_at_the_highest_clocks() -> None:
    head, records = RUN
    alone = {
        cell.inference.network: cell.p50_s
        for cell in cells(records, head.spec)
        if cell.task == "none" and cell.clocks.cpu_hz == 1_734_000_000
    }
    assert alone["alexnet"] and alone["resnet152"]
    assert f" {alone['resnet152'] / alone['alexnet']:.2f}" in (page(RUN) or [])


def test_lines_show_what_the_records_hold() -> None:
    head, records = RUN
    found = cells(records, head.spec)
    figure = draw_founding_study(found, records, caption_of(head, found, records), head.networks)
    assert figure is not None
    lines = [np.asarray(line.get_ydata(), dtype=float) for axes in figure.axes for line in axes.lines]
    for network in ("alexnet", "googlenet", "resnet152"):
        ms = [1e3 * (cell.p50_s or 0) for cell in found if (cell.inference.network, cell.task) == (network, "none")]
        assert any(len(line) == len(ms) and np.allclose(line, ms) for line in lines)
    power = [
        np.mean([np.mean(r.power.power_w[:, 2]) for r in records if r.power and r.trial.inference is None
                 and r.trial.task and r.trial.task.name == "bitcount" and r.trial.clocks.cpu_hz == hz])
        for hz in (102_000_000, 1_734_000_000)
    ]  # fmt: skip
    assert any(len(line) == 2 and np.allclose(line, power, rtol=0.02) for line in lines)


def test_batches_of_their_own_are_told() -> None:
    networks = [{"network": "alexnet", "batch": 4}, "googlenet", "resnet152"]
    found = page(modelled(networks=networks, stressors=["bitcount", "jpeg-small", "stringsearch"]))
    assert found is not None and any("alexnet batch 4, googlenet batch 1" in words for words in found)


def test_a_run_without_the_cells_has_no_page() -> None:
    head, records = RUN
    assert page((head, [])) is None
    assert page((head, [r for r in records if r.trial.inference is not None])) is None
    assert (
        page((head, [r for r in records if not r.trial.inference or r.trial.inference.network != "googlenet"]))
        is None
    )
    assert page((head, [r for r in records if not r.trial.task or r.trial.task.name != "jpeg"])) is None
    assert page((head, [r for r in records if r.trial.clocks.cpu_hz == 102_000_000])) is None
    assert page((head, [dataclasses.replace(r, power=None) for r in records])) is None


def test_on_a_board_nobody_counts_the_memory_traffic() -> None:
    head, records = RUN
    found = page((dataclasses.replace(head, networks={}), records))
    assert found is not None and "Latency and power" in found and "memory\ntraffic" not in found


def test_memory_traffic_is_over_alexnets() -> None:
    head, _ = RUN
    ratio = head.networks["resnet152"]["memory_traffic_bytes"] / head.networks["alexnet"]["memory_traffic_bytes"]
    assert ratio > 1.05 and f" {ratio:.2f}" in (page(RUN) or [])


@pytest.mark.parametrize("study", ["tx1-model", "tx1-model-2017"])
def test_a_shipped_study_is_whole_and_names_its_command(study: str) -> None:
    with (RESULTS / study / "cells.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sum(row["stressor"] != "none" for row in rows) == 81 and len(rows) == 81 + 27
    assert all(int(row["n"]) >= 300 for row in rows)
    readme = (RESULTS / study / "README.md").read_text(encoding="utf-8")
    assert f"--out results/{study}\n" in readme and "not a measurement" in readme
    assert (RESULTS / study / "figures" / "founding-study.svg").exists()
    assert (RESULTS / study / "figures" / "validation.svg").exists()


def words_of(path: Path) -> str:
    """The text without its line breaks."""
    return " ".join(path.read_text(encoding="utf-8").split())


def spread(errors: Sequence[float]) -> str:
    """Absolute errors in % as the READMEs tell them."""
    found = [abs(error) for error in errors]
    return f"{statistics.median(found):.1f} % in the median and {max(found):.1f} % at worst"


@pytest.mark.parametrize("study", ["tx1-model", "tx1-model-2017"])
def test_the_shipped_cells_are_those_of_the_model(study: str) -> None:
    file = RESULTS / study / "study.toml"
    spec, rig = make_spec(read_study(file) if file.exists() else {"rig": "tx1-model"}), Tx1Rig()
    clocks = ClockPoint(1_734_000_000, 998_400_000)
    records = [
        rig.run(trial)
        for trial in plan(spec, rig.facts())
        if trial.clocks == clocks and (trial.inference is None or trial.inference.network == "alexnet")
    ]
    fresh = {cell.task: cell_row(cell, "tx1-model") for cell in cells(records, spec)}
    shipped = [
        row
        for row in rows_of(RESULTS / study / "cells.csv")
        if (row["network"], row["cpu_hz"], row["gpu_hz"]) == ("alexnet", str(clocks.cpu_hz), str(clocks.gpu_hz))
    ]
    assert {row["stressor"] for row in shipped} == fresh.keys() and len(fresh) == 4
    for row in shipped:
        for key, value in fresh[row["stressor"]].items():
            if isinstance(value, float):
                # Another processor may repeat the last digit otherwise.
                assert float(row[key]) == pytest.approx(value, rel=1e-6, abs=1e-8), (key, "run its README's command")
            else:
                assert row[key] == ("" if value is None else str(value)), (key, "run its README's command")


def test_the_readmes_quote_the_validation() -> None:
    checks = rows_of(RESULTS / "tx1-model" / "validation.csv")

    def told(role: str, quantity: str = "", source: str = "") -> list[float]:
        return [
            100 * float(check["error_ratio"])
            for check in checks
            if check["role"] == role and quantity in check["quantity"] and source in check["source"]
        ]

    calibration, others = told("calibration"), told("not fitted")
    words = words_of(RESULTS.parent / "README.md")
    assert f"Against the {len(calibration)} published figures" in words
    assert f"it is off by {spread(calibration)}" in words
    assert f"against the {len(others)} others, to which none was fitted, by {spread(others)}" in words
    assert f"NVIDIA's images per second by {spread(told('not fitted', 'images_per_s'))}" in words
    for folder in ("tx1-model", "tx1-model-2017"):
        own = words_of(RESULTS / folder / "README.md")
        powers_w = {float(row["power_w"]): row["stressor"] for row in rows_of(RESULTS / folder / "cells.csv")}
        alone_w = max(power_w for power_w, task in powers_w.items() if task == "none")
        assert f"{alone_w:.1f} W alone and {max(powers_w):.1f} W beside {powers_w[max(powers_w)]}" in own


def test_the_readme_of_2017_quotes_its_cells() -> None:
    folder = RESULTS / "tx1-model-2017"
    rows = {
        (row["network"], row["stressor"], int(row["cpu_hz"]), int(row["gpu_hz"])): row
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
        if row["stressor"] != "none":
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
