"""The founding study's plots, from runs that have the cells for them, and the studies that are shipped."""

from __future__ import annotations

import csv
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text

from colocate.report.founding import draw_founding_study
from colocate.report.labels import caption_of
from colocate.rigs.tx1 import Tx1Rig
from colocate.spec import make_spec
from colocate.store import Header
from colocate.study.interference import cells
from colocate.study.model import TrialRecord
from colocate.study.plan import distinct_inferences, plan

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
        if cell.stressor == "none" and cell.clocks.cpu_hz == 1_734_000_000
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
        ms = [
            1e3 * (cell.p50_s or 0) for cell in found if (cell.inference.network, cell.stressor) == (network, "none")
        ]
        assert any(len(line) == len(ms) and np.allclose(line, ms) for line in lines)
    power = [
        np.mean([np.mean(r.power.power_w[:, 2]) for r in records if r.power and r.trial.inference is None
                 and r.trial.stressor and r.trial.stressor.name == "bitcount" and r.trial.clocks.cpu_hz == hz])
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
    assert page((head, [r for r in records if not r.trial.stressor or r.trial.stressor.name != "jpeg"])) is None
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


def test_the_readme_of_2017_quotes_its_cells() -> None:
    folder = RESULTS / "tx1-model-2017"
    with (folder / "cells.csv").open(newline="", encoding="utf-8") as file:
        p50_s = {
            (row["network"], row["stressor"], int(row["cpu_hz"]), int(row["gpu_hz"])): float(row["p50_s"])
            for row in csv.DictReader(file)
        }
    latencies = re.findall(
        r"^\| (\w+) \| ([\d.]+) \| ([\d.]+) \| (\d\.\d{4}.*) \|$", (folder / "README.md").read_text(), re.MULTILINE
    )
    assert len(latencies) == 8
    for network, cpu_mhz, gpu_mhz, columns in latencies:
        numbers = [float(column.removesuffix(" %")) for column in columns.split(" | ")]
        for task, published, model, error in zip(
            ("jpeg-small", "bitcount", "stringsearch"), numbers[::3], numbers[1::3], numbers[2::3], strict=True
        ):
            own = p50_s[network, task, round(float(cpu_mhz) * 1e6), round(float(gpu_mhz) * 1e6)]
            assert model == pytest.approx(own, abs=6e-5)
            assert error == pytest.approx(100 * (own / published - 1), abs=0.06)
