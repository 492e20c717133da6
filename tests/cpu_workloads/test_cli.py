from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cpu_workloads.registry import names
from tests.cpu_workloads.conversation import ROOT, run


def test_list_prints_the_names() -> None:
    assert run("--list").stdout.split() == list(names())


@pytest.mark.parametrize("mode", [["--child"], ["--seconds", "1"]])
def test_an_unknown_name_is_one_line_with_the_nearest(mode: list[str]) -> None:
    outcome = run("bitcuont", *mode)
    assert outcome.returncode == 2
    assert outcome.stderr == "no stressor named 'bitcuont'; did you mean 'bitcount'?\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["bitcount"],
        ["--seconds", "1"],
        ["bitcount", "--seconds", "0"],
        ["bitcount", "--seconds", "nan"],
        ["bitcount", "--seconds", "soon"],
        ["bitcount", "--seconds", "86401"],
        ["bitcount", "--seconds", "1e300"],
        ["command", "--seconds", "1e300", "--", "true"],
        ["bitcount", "--iterations", "0"],
        ["bitcount", "--seconds", "1", "--", "true"],
        ["command", "--seconds", "1"],
        ["command", "--seconds", "1", "--"],
        ["command", "--iterations", "1", "--", "true"],
    ],
)
def test_a_bad_request_exits_2(arguments: list[str]) -> None:
    outcome = run(*arguments)
    assert outcome.returncode == 2
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--list"], ["--help"], ["command", "--seconds", "0.1", "--", "true"]])
@pytest.mark.parametrize("stdout", [">/dev/full", ">&-"])
def test_nowhere_to_write_is_one_line(arguments: list[str], stdout: str) -> None:
    outcome = subprocess.run(
        ["sh", "-c", f'exec "$@" {stdout}', "sh", sys.executable, "-m", "cpu_workloads", *arguments],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert outcome.returncode == 1
    assert "stdout" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


# However the package is installed: a module that is None in sys.modules counts as absent.
_WITHOUT_KERNELS = """
import sys
sys.modules["cpu_workloads._kernels"] = None
from cpu_workloads.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("name", ["bitcount", "stringsearch", "stringsearch-scan"])
@pytest.mark.parametrize("mode", [["--child"], ["--seconds", "1"]])
def test_missing_kernels_say_what_to_install(name: str, mode: list[str]) -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", _WITHOUT_KERNELS, name, *mode],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 3
    assert outcome.stderr.count("\n") == 1
    for word in (name, "gcc", "python3-dev", "pip install"):
        assert word in outcome.stderr


def test_missing_pillow_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "PIL").mkdir()
    (tmp_path / "PIL" / "__init__.py").write_text("raise ModuleNotFoundError('No module named PIL', name='PIL')\n")
    outcome = run("jpeg", "--seconds", "1", PYTHONPATH=str(tmp_path))
    assert outcome.returncode == 3
    assert "pip install Pillow" in outcome.stderr


def test_exactly_so_many_steps_as_json() -> None:
    pytest.importorskip("cpu_workloads._kernels", reason="the C kernels are not built")
    report = json.loads(run("bitcount", "--iterations", "3", "--json").stdout)
    assert (report["name"], report["unit"], report["count"]) == ("bitcount", "words", 120_000.0)
    assert report["begin_ns"] < report["end_ns"]


def test_a_rate_for_people() -> None:
    outcome = run("jpeg-small", "--seconds", "0.1")
    assert outcome.returncode == 0
    assert "frames/s" in outcome.stdout


def test_kernels_start_without_pillow_and_numpy() -> None:
    pytest.importorskip("cpu_workloads._kernels", reason="the C kernels are not built")
    script = (
        "import sys; from cpu_workloads.__main__ import main; main(['stringsearch', '--iterations', '1']);"
        "print(sorted({'PIL', 'numpy', 'psutil', 'colocate'} & set(sys.modules)))"
    )
    outcome = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert outcome.stdout.splitlines()[-1] == "[]"
