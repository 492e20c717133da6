"""What stands over every figure and table."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from colocate.model.provenance import Constant, Provenance
from colocate.model.request import Inference, SweepSpec
from colocate.report.text.captions import caption_of, machine_words, model_words
from colocate.store.run_file import Header
from tests.report.drawn import cell, draw_all, header, records_of, texts


def test_windows_are_given_as_long_as_they_were(tmp_path: Path) -> None:
    short, long = (
        dataclasses.replace(record, elapsed_s=s) for record in records_of([cell()]) for s in (2.04, 1286.4)
    )
    draw_all(tmp_path, [cell()], [short, long], header("tx1-model"))
    assert "windows of 2 to 1286 s" in "\n".join(texts(tmp_path / "heatmap-slowdown-p50.svg"))


def test_a_machine_is_named_by_its_processor(tmp_path: Path) -> None:
    draw_all(tmp_path, [cell()])
    assert "host: Acme Nine 9000" in texts(tmp_path / "heatmap-slowdown-p50.svg")


def circumstances(of: Header, **values: Any) -> tuple[str, ...]:
    """Of a run with one cell, and one window on the disk."""
    cells = [cell(**values)]
    return caption_of(of, cells, records_of(cells)).circumstances


def test_blocks_are_those_of_the_cells_with_a_task() -> None:
    cells = [cell(task="none", blocks=9), cell(blocks=5), cell(task="b", blocks=1)]
    assert caption_of(header(), cells, []).circumstances[0] == "1 to 5 repeats"
    assert caption_of(header(), cells[:1], []).circumstances[0] == "9 repeats"
    assert caption_of(header(), cells[2:], []).circumstances[0] == "1 repeat"
    assert caption_of(header(), [], []).circumstances[:2] == ("0 repeats", "windows of 2 s")


def test_a_run_says_how_far_it_came() -> None:
    assert "unfinished: 1 of 9 trials done" in circumstances(header(planned=9))
    decided = header(planned=9)
    decided = dataclasses.replace(decided, spec=dataclasses.replace(decided.spec, until_decided=True))
    assert "until decided: 1 trial" in circumstances(decided)
    assert not any("trials" in phrase for phrase in circumstances(header(planned=1)))


@pytest.mark.parametrize(("confinement", "named"), [("cgroup v2", True), ("affinity", True), ("model", False)])
def test_how_cpus_were_set_apart_is_named_for_a_machine(confinement: str, named: bool) -> None:
    assert (confinement in circumstances(header(confinement=confinement))) == named


def test_what_all_networks_share_is_named_once_for_all() -> None:
    assert circumstances(header(), precision="fp16")[-3:] == ("onnxruntime", "fp16", "batch 1")


def test_assumptions_are_named_whether_they_were_set_or_not() -> None:
    rows = tuple(Constant(name, 1.5, "1", "assumed", "none") for name in ("contention", "tile"))
    spec = SweepSpec((Inference("alexnet"),), (), model=(("contention", 1.5), ("other", 2.0)))
    modelled = dataclasses.replace(header("tx1-model"), provenance=Provenance(rows, ()))
    assert [phrase for phrase in circumstances(modelled) if "assuming" in phrase] == ["assuming contention = 1.5"]
    set_ = circumstances(dataclasses.replace(modelled, spec=spec))
    assert [phrase for phrase in set_ if "assuming" in phrase] == ["assuming contention = 1.5", "assuming other = 2"]


def test_a_model_says_so_and_a_machine_names_what_may_have_run() -> None:
    two = header(gpus=("NVIDIA H200", "NVIDIA H200")).facts
    assert (machine_words(two), model_words(two)) == ("NVIDIA H200, Acme Nine 9000", None)
    assert model_words(header("tx1-model").facts) == "MODEL of a Tegra X1, not a measurement"
    long = caption_of(header(gpus=("NVIDIA " + "H200 " * 30,)), [], []).rig
    assert len(long) <= 76 and long.startswith("host: NVIDIA") and long.endswith("Acme Nine 9000")
