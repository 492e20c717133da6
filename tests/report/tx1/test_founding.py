"""The founding study's plots, from runs that have the cells for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from colocate.model.trial import TrialRecord
from colocate.report.text.captions import caption_of
from colocate.report.tx1.founding import draw_founding_study
from colocate.store.run_file import Header
from colocate.study.interference import cells
from tests.report.drawn import words_on
from tests.report.tx1.modelled import modelled, whole


def page(run: tuple[Header, Sequence[TrialRecord]]) -> list[str] | None:
    """Every text of the page."""
    head, records = run
    found = cells(records, head.spec)
    figure = draw_founding_study(found, records, caption_of(head, found, records), head.networks)
    return None if figure is None else words_on(figure)


def test_the_page_names_its_panels_its_rig_and_how_tasks_ran() -> None:
    found = page(whole())
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
    head, records = whole()
    alone = {
        cell.inference.network: cell.p50_s
        for cell in cells(records, head.spec)
        if cell.task == "none" and cell.clocks.cpu_hz == 1_734_000_000
    }
    assert alone["alexnet"] and alone["resnet152"]
    assert f" {alone['resnet152'] / alone['alexnet']:.2f}" in (page(whole()) or [])


def test_lines_show_what_the_records_hold() -> None:
    head, records = whole()
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


def test_batches_of_their_own_are_named() -> None:
    networks = [{"network": "alexnet", "batch": 4}, "googlenet", "resnet152"]
    found = page(modelled(networks=networks, stressors=["bitcount", "jpeg-small", "stringsearch"]))
    assert found is not None and any("alexnet batch 4, googlenet batch 1" in words for words in found)


def test_a_run_without_the_cells_has_no_page() -> None:
    head, _ = whole()
    assert page((head, [])) is None


def test_on_a_board_nobody_counts_the_memory_traffic() -> None:
    head, records = whole()
    found = page((dataclasses.replace(head, networks={}), records))
    assert found is not None and "Latency and power" in found and "memory\ntraffic" not in found


def test_memory_traffic_is_over_alexnets() -> None:
    head, _ = whole()
    traffic = {told["name"]: told["memory_traffic_bytes"] for told in head.networks.values()}
    ratio = traffic["resnet152"] / traffic["alexnet"]
    assert ratio > 1.05 and f" {ratio:.2f}" in (page(whole()) or [])
