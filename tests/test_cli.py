"""The command line from outside: exit codes, one line of reason, pipes and signals."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from colocate.cli import parser
from colocate.commands import find_commands
from colocate.host.restore.machine_lock import machine_alone
from colocate.inference.backends import availability
from tests.commands.command_line import MODEL, TINY, colocate, copy_of, header_of, interrupted, refused, trial_ids

FROM_ROOT = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}

# ---- what is asked for


def test_every_command_is_listed_and_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    names = list(find_commands())
    assert names[:6] == ["init", "sweep", "advise", "report", "compare", "list"]
    assert {*names[6:]} == {"board", "doctor", "efficiency", "layers", "restore", "training"}
    for arguments in ([], *([name] for name in names)):
        with pytest.raises(SystemExit) as ended:
            parser().parse_args([*arguments, "--help"])
        said = capsys.readouterr().out
        assert ended.value.code == 0 and said.startswith(" ".join(["usage: colocate", *arguments]))
        assert arguments or re.findall(r"^    (\w+)", said, re.MULTILINE)[: len(names)] == names


@pytest.mark.parametrize(
    ("code", "said", "arguments"),
    [
        (2, "did you mean 'alexnet'", ["--networks", "alexnett"]),
        (2, "did you mean 'bitcount'", ["--stressors", "bitcuont"]),
        (2, "window", ["--window", "0"]),
        (2, "repeats", ["--repeats", "-3"]),
        (2, "is not a whole number", ["--repeats", "many"]),
        (2, "'a' is no list of CPUs", ["--inference-cpus", "a"]),
        (2, "an empty path", ["--out", ""]),
        (2, "stressors: jpeg is named twice", ["--stressors", "jpeg,jpeg"]),
        (2, "inference_cpus: CPU 4095 does not exist", ["--inference-cpus", "4095"]),
        (2, "No such file", ["absent.toml"]),
        (2, "--resume: it does nothing without --out", ["--resume"]),
        (2, "NAME=", ["--command", "ffmpeg"]),
        (2, "unknown flag --require: it is a flag of advise\n", ["--require", "a:b"]),
        (2, "unknown flag --batches: it is a flag of efficiency and training\n", ["--batches=1,2"]),
        (2, "unknown flag --nonsense; see colocate sweep --help", ["--nonsense"]),
        (2, "unknown flag --slo-mss: did you mean --slo-ms?", ["--slo-mss", "30"]),
        (2, "unknown flag --power-budget: did you mean --power-budget-w?", ["--power-budget=9"]),
        (3, "CPU clock cannot be set", ["--cpu-clocks", "1000"]),
        (3, "runs fp32 here, not fp16", ["--precision", "fp16"]),
        (4, "holds no run", ["--resume", "--out", "/"]),
    ],
)
def test_a_bad_request_gets_one_line(code: int, said: str, arguments: list[str]) -> None:
    if "--cpu-clocks" in arguments and Path("/sys/devices/system/cpu/cpu0/cpufreq").exists():
        pytest.skip("this machine's CPU clock can be set")
    refused(code, said, "sweep", "--placement", "shared", *arguments)


def test_without_a_command_it_prints_the_help() -> None:
    done, asked = colocate(), colocate("--help")
    assert (done.returncode, done.stderr) == (0, "") and done.stdout == asked.stdout != ""


def test_an_unknown_command_is_refused_with_the_nearest() -> None:
    done = colocate("swep")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "colocate: unknown command 'swep'; did you mean 'sweep'?\n"


@pytest.mark.parametrize("asked", [("--graph",), ("--wait", "block"), ("--precision", "fp16")])
def test_what_needs_a_gpu_is_refused_with_what_its_runtimes_are_missing(asked: tuple[str, ...]) -> None:
    if {"tensorrt", "onnxruntime-cuda"} & set(availability.look().runtimes):
        pytest.skip("this machine runs networks on a GPU")
    reasons = [availability.look().missing[name].reason for name in ("tensorrt", "onnxruntime-cuda")]
    for reason in reasons:
        refused(3, reason, "sweep", "--networks", "alexnet", "--placement", "shared", "--dry-run", *asked)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "run"
    refused(4, str(out), "sweep", *TINY, "--out", out, "--quiet")


# ---- streams that nobody reads


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "> /dev/full"])
def test_output_that_cannot_be_written_gives_no_traceback(tiny_run: Path, tmp_path: Path, redirection: str) -> None:
    command = f"{sys.executable} -m colocate report {copy_of(tiny_run, tmp_path)} {redirection}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert done.returncode == (4 if "full" in redirection else 0)


@pytest.mark.parametrize(
    "arguments",
    [
        *("", "--help", "--version", "sweep --help", "doctor --json", "list {folder}", "compare {run} {run}"),
        *("advise {run} --slo-ms 30", "sweep --rig tx1-model --dry-run", "init --rig tx1-model"),
    ],
)
def test_a_full_disk_is_said(modelled_run: Path, tmp_path: Path, arguments: str) -> None:
    run = copy_of(modelled_run, tmp_path)
    command = f"{sys.executable} -m colocate {arguments.format(run=run, folder=tmp_path)} > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, env=FROM_ROOT)
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1] == "colocate: cannot write the output: No space left on device"


@pytest.mark.parametrize("arguments", ["--help", "sweep --help", "", "list /", "advise {} --slo-ms 30", "list {}"])
def test_a_reader_who_leaves_is_no_failure(modelled_run: Path, arguments: str) -> None:
    command = f"{sys.executable} -m colocate {arguments.format(modelled_run)} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_output_into_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m colocate sweep --dry-run --rig tx1-model | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stderr == "" and done.stdout.startswith("9 clock points, ")


# ---- signals


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_sweep_with_its_own_exit_code_and_a_way_to_go_on(
    signum: signal.Signals, tmp_path: Path
) -> None:
    out = tmp_path / "a run"
    done = interrupted(2, "sweep", *TINY, "--quiet", "--out", out, signum=signum)
    assert (done.returncode, done.stdout) == (128 + signum, "")
    assert done.stderr == (
        f"Finished trials are kept. Continue with:\n  python -m colocate sweep --resume --out '{out}'\n"
    )
    assert 0 < len(trial_ids(out)) < header_of(out).planned


# ---- the machine


def test_a_second_sweep_on_this_machine_is_refused_and_a_model_is_not(tmp_path: Path) -> None:
    with machine_alone():
        refused(3, "--wait-for-machine", "sweep", *TINY, "--quiet", "--out", tmp_path / "run")
        done = colocate("sweep", *MODEL, "--repeats", "1", "--out", tmp_path / "model")
        assert done.returncode == 0, done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("limit", [8, 16, 24])
def test_too_few_open_files_are_named_before_anything_begins(limit: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "colocate", "sweep", *TINY, "--quiet", "--out", str(tmp_path / "run")]
    limited = ["bash", "-c", f'ulimit -n {limit}; exec "$@"', "bash", *command]
    done = subprocess.run(limited, capture_output=True, text=True)
    assert done.returncode == 3 and "ulimit -n" in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1 and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "error",
    [MemoryError(), MemoryError("std::bad_alloc"), ImportError("x.so: failed to map segment from shared object")],
)
def test_too_little_memory_is_said(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr("colocate.commands.list.run", fail)
    refused(3, "there is not enough memory: end other programs, or raise the limit", "list")


def test_after_a_signal_nothing_is_taken_apart() -> None:
    program = (
        "import atexit, colocate.cli as cli\n"
        "class Late:\n"
        "    def __del__(self): print('taken apart')\n"
        "late = Late(); atexit.register(print, 'registered'); print('printed')\n"
        "cli.end_at_once(143)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (143, "printed\nregistered\n")
