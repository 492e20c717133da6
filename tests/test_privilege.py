"""A study of root's, called through sudo: the user's programs run as that user, and the files are theirs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from colocate.model.trial import Trial, TrialRecord
from colocate.request.spec import make_study
from colocate.rigs.host.rig import HostRig
from colocate.store.run_file import Run
from colocate.sweep import sweep
from colocate.trial_loop import ThisMachine
from tests.observers import Silence

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives up what it may")
NOBODY = 65534
SMALL = {"placement": ["shared"], "design": "steady", "repeats": 1, "window": 0.3, "warmup": 0.0, "settle": 0.0}
# Says who it is with what it may do, then infers for ever.
PIPELINE = """
grep -hE '^(Uid|CapEff):' /proc/self/status > who; echo "$HOME $COLOUR" >> who
while :; do echo "infer: 1 ms"; sleep 0.01; done
"""


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the user who called sudo."""
    made = Path(tempfile.mkdtemp())
    os.chown(made, NOBODY, NOBODY)
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    yield made
    shutil.rmtree(made)


def run_of(folder: Path, keys: Mapping[str, object], rig: HostRig) -> Path:
    sweep(make_study({**SMALL, **keys}), ThisMachine(rig), folder / "run", Silence(), resume=False)
    with Run.read(folder / "run") as run:
        assert list(run.records()) and not list(run.failures())
    return folder / "run"


def test_a_command_is_the_users_with_all_that_it_starts_and_prints(folder: Path) -> None:
    command = {
        "argv": ["sh", "-c", "id -u; id -G; sleep 0.02"],
        "prepare": ["sh", "-c", "echo $HOME; id -u"],
        "cleanup": ["id", "-u"],
    }
    keys = {"networks": ["spin-1ms"], "stressors": [], "commands": {"who": command}}
    run = run_of(folder, keys, HostRig(task_output=folder / "run" / "task-output"))
    log = run / "task-output" / "who-shared.log"
    assert {*log.read_text().split()} == {"65534", "/nonexistent"}
    assert {path.stat().st_uid for path in (log, log.parent)} == {NOBODY}


def test_a_command_that_asks_for_root_has_it(folder: Path) -> None:
    command = {"argv": ["sh", "-c", "id -u; sleep 0.02"], "user": "root"}
    keys = {"networks": ["spin-1ms"], "stressors": [], "commands": {"who": command}}
    run = run_of(folder, keys, HostRig(task_output=folder / "run" / "task-output"))
    assert {*(run / "task-output" / "who-shared.log").read_text().split()} == {"0"}


def test_a_pipeline_is_the_users_too_and_goes_with_its_runner(folder: Path) -> None:
    program = f"{PIPELINE}# {folder}"
    table = {"argv": ["sh", "-c", program], "latency": "infer: ([0-9.]+) ms", "directory": str(folder)}
    keys = {"stressors": ["bitcount"], "pipelines": {"cam": {**table, "environment": {"COLOUR": "red"}}}}
    run_of(folder, keys, HostRig())
    uid, capabilities, variables = (folder / "who").read_text().splitlines()
    assert uid.split()[1:] == 4 * [str(NOBODY)]
    assert int(capabilities.split()[1], 16) == 0
    assert variables == "/nonexistent red"
    assert not [each for each in psutil.process_iter(["uids", "cmdline"]) if program in (each.info["cmdline"] or ())]


def test_the_run_is_the_users_with_what_sqlite_puts_beside_it(folder: Path) -> None:
    owners: set[int] = set()

    class Looking(HostRig):
        def run(self, trial: Trial) -> TrialRecord:
            owners.update(path.stat().st_uid for path in [folder / "run", *(folder / "run").iterdir()])
            return super().run(trial)

    run = run_of(folder, {"networks": ["spin-1ms"], "stressors": ["bitcount"]}, Looking())
    assert owners == {NOBODY}
    assert [path.name for path in run.iterdir()] == ["run.sqlite"] and run.stat().st_mode & 0o777 == 0o755
    assert (run / "run.sqlite").stat().st_mode & 0o777 == 0o644
