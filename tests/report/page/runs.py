"""Runs to show, and the pages made of them."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colocate.model.machine import HostFacts
from colocate.model.request import ClockPoint, Inference, Placement, SweepSpec, Task
from colocate.model.trial import Failure, Trial, TrialRecord, Work
from colocate.report.page.render import write_page
from colocate.report.run_report import LoadedRun, load
from colocate.request.spec import make_study
from colocate.rigs.registry import make_rig
from colocate.store.run_file import Header
from colocate.study.evidence import Evidence, collect
from colocate.sweep import sweep
from colocate.trial_loop import ThisMachine
from tests.made_once import made_once
from tests.observers import Silence

RESULTS = Path(__file__).parents[3] / "results"
NASTY = "<script>alert(1)</script>"
# Ends the element that it stands in, were it not text; and what Jinja takes for its own.
NASTIER = "</script></style>\"'<img src=x onerror=alert(2)>{{ 7 * 7 }}%{x}<b>$x$"


@dataclasses.dataclass(frozen=True)
class Shown:
    """A run and the page made of it."""

    path: Path
    run: LoadedRun

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def evidence(self) -> Sequence[Evidence]:
        return self.run.evidence


def loaded(
    folder: Path, header: Header, records: Sequence[TrialRecord], failures: Sequence[Failure] = ()
) -> LoadedRun:
    evidence = collect(records, header.spec, [failure.trial for failure in failures])
    return LoadedRun(folder, header, tuple(records), tuple(failures), evidence)


def shown(folder: Path, header: Header, records: Sequence[TrialRecord], failures: Sequence[Failure] = ()) -> Shown:
    folder.mkdir(parents=True, exist_ok=True)
    run = loaded(folder, header, records, failures)
    return Shown(write_page(run), run)


@pytest.fixture(scope="session")
def tx1(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The founding study on the model of its board."""

    def make(folder: Path) -> None:
        study, site = make_study({"rig": "tx1-model", "design": "steady"}), ThisMachine(make_rig("tx1-model"))
        sweep(study, site, folder, Silence(), resume=False)
        write_page(load(folder))

    folder = made_once(tmp_path_factory, "page/tx1-model", make)
    return Shown(folder / "report.html", load(folder))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """A study of a machine: the one that is shipped."""
    folder = tmp_path_factory.mktemp("runs") / "h200"
    folder.mkdir()
    shutil.copy(RESULTS / "h200" / "run.sqlite", folder)
    run = load(folder)
    return Shown(write_page(run), run)


def a_run(
    network: str = "alexnet", task: str = "jpeg", repeats: int = 4, planned: int = 0, **facts: Any
) -> tuple[Header, list[TrialRecord]]:
    """A small run: a network alone and beside a task that slows it by a tenth."""
    inference, beside, placement = Inference(network), Task(task), Placement("isolated", (0,), (1,), ())
    settings = ((inference, None), (inference, beside), (None, beside))
    random = np.random.default_rng(1)
    records = [
        TrialRecord(
            Trial(f"{repeat}-{number}", repeat, repeat, network_, task_, ClockPoint(), placement, 0.3, 0.2, 2.0),
            0.0, 2.0, np.linspace(0.0, 2.0, 200), (0.01 + 0.001 * number) * random.lognormal(0.0, 0.02, 200),
            work=Work("pictures", 100.0 - repeat, 2.0, 2.0) if task_ else None,
        )
        for repeat in range(repeats)
        for number, (network_, task_) in enumerate(settings)
    ]  # fmt: skip
    spec = SweepSpec((inference,), (beside,))
    machine = HostFacts(
        **{
            "rig": "host", "machine_id": "m", "architecture": "x86_64", "cpu_model": "Acme Nine", "cpus": (0, 1),
            "last_level_cache_bytes": None, "kernel": "6", "confinement": "none",
        } | facts
    )  # fmt: skip
    return Header({"networks": [network]}, spec, machine, {}, None, planned), records


def with_inference(records: Sequence[TrialRecord], inference: Inference) -> list[TrialRecord]:
    """`records`, the network in them run as `inference` says."""
    return [
        dataclasses.replace(each, trial=dataclasses.replace(each.trial, inference=inference))
        if each.trial.inference
        else each
        for each in records
    ]
