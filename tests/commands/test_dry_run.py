"""`--dry-run` refuses what the run refuses, with the same code and in the same words, and leaves nothing behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from colocate.errors import SpecError, StoreError
from colocate.store.database import FILE_NAME, locked
from tests.commands.command_line import TINY, colocate, copy_of
from tests.store.editing import edited

Ended = tuple[int, str]


def ended(*arguments: str | Path, cwd: Path) -> Ended:
    """The exit code, and what was said."""
    done = colocate("sweep", *TINY, "--repeats", "1", "--quiet", *arguments, cwd=cwd)
    return done.returncode, done.stderr


def both(*arguments: str | Path, cwd: Path) -> Ended:
    """What a plan and a run came to, which is the same."""
    before = sorted(cwd.rglob("*"))
    dry, real = ended(*arguments, "--dry-run", cwd=cwd), ended(*arguments, cwd=cwd)
    assert dry == real
    assert dry[1].splitlines()[-1].startswith("colocate: ")
    assert sorted(cwd.rglob("*")) == before
    return dry


def a_file(folder: Path, below: str = "") -> Path:
    (folder / "out").write_text("mine")
    return folder / "out" / below


def a_link(folder: Path, target: str = "elsewhere", below: str = "") -> Path:
    (folder / "elsewhere").mkdir()
    (folder / "out").symlink_to(target)
    return folder / "out" / below


def a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "out")
    return folder / "out"


def what_others_can_write(folder: Path) -> Path:
    (folder / "out").mkdir()
    (folder / "out").chmod(0o777)
    return folder / "out"


def a_run_that_leads_elsewhere(folder: Path, name: str = FILE_NAME, target: str = "nowhere") -> Path:
    (folder / "out").mkdir()
    (folder / "out" / name).symlink_to(target)
    return folder / "out"


def a_name_that_is_too_long(folder: Path) -> Path:
    return folder / ("a" * 300)


def a_folder_that_is_read_only(folder: Path) -> Path:
    (folder / "out").mkdir(mode=0o555)
    if os.geteuid() == 0:
        pytest.skip("root may write in it all the same")
    return folder / "out"


PLACES: Mapping[str, Callable[[Path], Path]] = {
    "a file": a_file,
    "below a file": partial(a_file, below="run"),
    "a link": a_link,
    "a dangling link": partial(a_link, target="nowhere"),
    "below a dangling link": partial(a_link, target="nowhere", below="run"),
    "a loop of links": partial(a_link, target="out", below="run"),
    "a pipe": a_pipe,
    "what others can write": what_others_can_write,
    "a run that leads elsewhere": a_run_that_leads_elsewhere,
    "a half-made run that leads elsewhere": partial(
        a_run_that_leads_elsewhere, name=f"{FILE_NAME}.partial", target="/etc/passwd"
    ),
    "a name that is too long": a_name_that_is_too_long,
    "a folder that is read-only": a_folder_that_is_read_only,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_where_no_run_can_be(place: str, tmp_path: Path) -> None:
    code, _ = both("--out", PLACES[place](tmp_path), cwd=tmp_path)
    assert code == StoreError.exit_code


@pytest.mark.parametrize(
    "out", ["/dev/null", "/dev/null/run", "/dev/stdout", "/proc/run", "/proc/self/run", "/sys/run", "/sys/kernel"]
)
def test_a_place_of_the_kernel_s(out: str, tmp_path: Path) -> None:
    code, _ = both("--out", out, cwd=tmp_path)
    assert code == StoreError.exit_code


def test_no_task_prints(tmp_path: Path) -> None:
    code, said = both("--task-output", cwd=tmp_path)
    assert code == SpecError.exit_code and "--task-output: it does nothing without --command;" in said


def test_what_tasks_print_has_no_place(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "task-output").write_text("mine")
    code, said = both("--out", "run", "--command", "mine=true", "--task-output", cwd=tmp_path)
    assert code == StoreError.exit_code and "task-output is no folder" in said


def test_a_run_that_cannot_be_continued(tiny_run: Path, tmp_path: Path) -> None:
    run = copy_of(tiny_run, tmp_path)
    again = ("--repeats", "2", "--resume", "--out", run)
    with locked(run):
        code, said = both(*again, cwd=tmp_path)
    assert code == StoreError.exit_code and "another colocate is writing" in said
    with edited(run) as connection:
        connection.execute("UPDATE header SET json = '{}'")
    code, _ = both(*again, cwd=tmp_path)
    assert code == StoreError.exit_code


@pytest.mark.parametrize("program", ["nowhere", "/nowhere/x", "/etc", "/etc/passwd", "./nowhere", "./script"])
def test_a_program_that_is_not_there(program: str, tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\r\ntrue\r\n")
    (tmp_path / "script").chmod(0o755)
    code, said = both("--command", f"mine={program} 1", cwd=tmp_path)
    assert code == SpecError.exit_code
    assert said.startswith(f"colocate: commands.mine: cannot start '{program}': ")


def refused_table(name: str, table: str, *flags: str, cwd: Path) -> None:
    """A study file with this `table` is refused by the table's name."""
    (cwd / "study.toml").write_text(f"[{name}]\n{table}\n")
    code, said = both("study.toml", *flags, cwd=cwd)
    assert code == SpecError.exit_code and name in said


@pytest.mark.parametrize(
    "table",
    [
        'argv = ["nowhere"]',
        'argv = ["./x"]\ndirectory = "/"',
        'argv = ["true"]\nenvironment = {PATH = "/nowhere"}',
        'argv = ["true"]\ndirectory = "/nowhere"',
        'argv = ["true"]\nuser = "nobody-of-that-name"',
        'argv = ["true"]\nprepare = "nowhere"',
        'argv = ["true"]\ncleanup = "nowhere"',
        'argv = ["true"]\nprogress = "("',
        'argv = ["true"]\nprogress = "(a)(b)"',
        'argv = ["true"]\nready = {line = ""}',
        'argv = ["true"]\nready = {after_s = -1}',
        'argv = ["true"]\ncopies = 0',
        'argv = ["true"]\nrun = "never"',
        "argv = []",
        'command = "true | cat"',
    ],
)
def test_a_command_that_means_nothing(table: str, tmp_path: Path) -> None:
    refused_table("commands.mine", table, cwd=tmp_path)


@pytest.mark.parametrize(
    "table",
    [
        'argv = ["nowhere"]',
        'argv = ["/etc"]',
        'argv = ["./x"]\ndirectory = "/"',
        'argv = ["sleep", "9"]\nenvironment = {PATH = "/nowhere"}',
        'argv = ["true"]\nlatency = "("',
        'argv = ["true"]\nlatency = "x"',
    ],
)
def test_a_pipeline_that_means_nothing(table: str, tmp_path: Path) -> None:
    refused_table("pipelines.mine", table, "--networks", "mine", "--backend", "auto", cwd=tmp_path)


@pytest.mark.parametrize(
    "flag",
    [
        "--networks=nowhere.onnx", "--networks=/etc/passwd", "--networks=spin-xms", "--networks=spin-1ms,spin-1ms",
        "--stressors=nowhere", "--placement=nowhere", "--inference-cpus=99", "--inference-cpus=",
        "--inference-cpus=0-", "--inference-cpus=0,,1", "--containment=cpus=0", "--containment=quota=1%/1000000",
        "--wait=event", "--graph", "--backend=tensorrt", "--precision=int8", "--batch=0", "--emc-clock=5",
        "--period-ms=0.0001", "--window=0", "--repeats=0", "--budget=1s", "--slo-ms=0", "--percentile=200",
        "--device=cuda:0", "--device=dla:0", "--input=x=1",
        "--confidence=2", "--until=decided", "--max-start-temp=x", "--segment-ms=1",
    ],
)  # fmt: skip
def test_a_flag_that_asks_for_what_cannot_be(flag: str, tmp_path: Path) -> None:
    code, _ = both(flag, cwd=tmp_path)
    assert code in (2, 3)
