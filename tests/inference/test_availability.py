from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from colocate.inference.backends import availability
from colocate.inference.backends.registry import BACKENDS, Runtime


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    availability.look.cache_clear()
    yield
    availability.look.cache_clear()


def distribution(folder: Path, name: str) -> None:
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two folders of packages, the first of which comes before the second and before all others."""
    folders = tmp_path / "own", tmp_path / "system"
    for folder in folders:
        folder.mkdir()
    monkeypatch.setattr(sys, "path", [*map(str, folders), *sys.path])
    return folders


def test_both_builds_of_onnxruntime_in_one_folder_are_recognised(packages: tuple[Path, Path]) -> None:
    distribution(packages[0], "onnxruntime-gpu")
    distribution(packages[0], "onnxruntime")
    lack = availability.mixed_up()
    assert lack is not None
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in lack.remedy


def test_the_command_for_the_gpu_mends_a_mix_too() -> None:
    """In a mix pip counts both as installed: without the other's name it would leave a folder without files."""
    assert BACKENDS["onnxruntime-cuda"].remedy.startswith("pip uninstall -y onnxruntime onnxruntime-gpu &&")


def test_two_builds_in_two_folders_do_not_overwrite_each_other(packages: tuple[Path, Path]) -> None:
    distribution(packages[0], "onnxruntime-gpu")
    distribution(packages[1], "onnxruntime")
    assert availability.mixed_up() is None


def probed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, names: Sequence[str] = ("made-up",)
) -> availability.Availability:
    """What is found when the module of every runtime on a GPU has this code."""
    (tmp_path / "made_up.py").write_text(code)
    start = subprocess.Popen

    def with_module(command: list[str], **options: object) -> subprocess.Popen[str]:
        assert command[1:3] == ["-m", "colocate.worker.probe"]
        setup = (
            f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
            "from colocate.inference import BACKENDS, Runtime, probe; "
            f"BACKENDS[{command[3]!r}] = Runtime('made_up:Backend'); probe.main({command[3]!r})"
        )
        return start([command[0], "-c", setup], **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(availability.subprocess, "Popen", with_module)  # type: ignore[attr-defined]
    made_up = {name: Runtime("made_up:Backend", on_gpu=True) for name in names}
    monkeypatch.setattr(availability, "BACKENDS", {**made_up, "synthetic": BACKENDS["synthetic"]})
    return availability.look()


def test_a_runtime_that_works_says_what_it_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = "import os\ndef probe():\n    print('chatter')\n    os.write(1, b'more')\n    return {'gpu': 'Acme'}\n"
    found = probed(monkeypatch, tmp_path, code)
    assert (found.runtimes, found.probes) == (("made-up",), ("synthetic",))
    assert found.found == {"made-up": {"gpu": "Acme"}}
    assert found.notes() == ()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("from colocate.errors import HostError; raise HostError('the driver is too old')", "the driver is too old"),
        ("import os; os.abort()", "status -6"),
        ("raise RuntimeError('what nobody foresaw')", "what nobody foresaw"),
    ],
)
def test_one_that_fails_or_dies_is_a_lack_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, said: str
) -> None:
    found = probed(monkeypatch, tmp_path, f"def probe():\n    {body}\n")
    assert found.runtimes == ()
    assert said in found.lacks["made-up"].reason


def test_a_gpu_that_takes_one_process_has_all_runtimes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    held = str(tmp_path / "held")
    code = (
        f"import os, time\ndef probe():\n    os.mkdir({held!r}); time.sleep(1); os.rmdir({held!r})\n    return {{}}\n"
    )
    found = probed(monkeypatch, tmp_path, code, ("first", "second"))
    assert (found.runtimes, found.notes()) == (("first", "second"), ())


def test_one_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(availability, "PROBE_TIMEOUT_S", 0.5)
    found = probed(monkeypatch, tmp_path, "def probe():\n    import time; time.sleep(600)\n")
    assert "did not answer" in found.lacks["made-up"].reason


def test_without_its_package_a_runtime_is_not_even_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Runtime("nowhere:Backend", "no_such_package", "pip install no-such-package", on_gpu=True)
    monkeypatch.setattr(availability, "BACKENDS", {"missing": missing})
    monkeypatch.setattr(availability.subprocess, "Popen", None)  # type: ignore[attr-defined]
    lack = availability.look().lacks["missing"]
    assert (lack.reason, lack.remedy) == (
        "the package no_such_package is not installed",
        "pip install no-such-package",
    )
