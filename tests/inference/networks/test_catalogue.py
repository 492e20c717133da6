"""A network's name gives its file: built once and kept, or refused with the nearest name that there is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from colocate.errors import SpecError
from colocate.inference.networks import catalogue
from colocate.inference.networks.catalogue import resolve, skeleton
from colocate.inference.networks.network import Network
from colocate.model.request import InputChoice
from tests.inference import own_files


def test_a_skeleton_has_the_name_of_a_builtin() -> None:
    with pytest.raises(SpecError, match="googlenet"):
        skeleton("googelnet", 1)


def test_a_second_resolve_builds_nothing(kept: Path) -> None:
    first = resolve("googlenet", 1)
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in kept.iterdir()}
    assert resolve("googlenet", 1) == first
    assert before == {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in kept.iterdir()}
    assert sorted(path.suffix for path in before) == [".json", ".onnx"]


@pytest.mark.usefixtures("shared")
def test_a_warm_cache_needs_no_onnx() -> None:
    resolve("googlenet", 1)
    program = (
        "import sys; from colocate.inference.networks.catalogue import resolve; resolve('googlenet', 1);"
        "sys.exit('onnx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_edit_of_the_recipe_makes_another_file(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = resolve("googlenet", 1)
    monkeypatch.setattr(catalogue, "SEED", 1)
    second = resolve("googlenet", 1)
    assert first.path != second.path
    assert first.sha256 != second.sha256


def test_processes_that_build_together_agree(kept: Path) -> None:
    program = (
        "import json; from colocate.inference.networks.catalogue import resolve;"
        "print(json.dumps(resolve('googlenet', 2).to_json()))"
    )
    both = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for _ in range(2)]
    answers = [json.loads(process.communicate()[0]) for process in both]
    assert answers[0] == answers[1]
    assert Network.from_json(answers[0]) == resolve("googlenet", 2)
    assert sorted(path.suffix for path in kept.iterdir()) == [".json", ".onnx"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("alexnt", "did you mean 'alexnet'"), ("ResNet152", "did you mean 'resnet152'"), ("zzz", "alexnet, googlenet")],
)
def test_an_unknown_name_gets_the_nearest(wrong: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        resolve(wrong, 1)
    with pytest.raises(SpecError, match=message):
        catalogue.check(wrong)


def test_a_batch_below_one_is_refused() -> None:
    with pytest.raises(SpecError, match="batch of 0"):
        resolve("alexnet", 0)


def test_the_format_of_one_runtime_is_refused_with_the_reason() -> None:
    with pytest.raises(SpecError, match=r"m\.ort is in ONNX Runtime's own format, .* give the \.onnx file"):
        catalogue.check("/a/m.ort")


def test_a_builtin_is_fed_what_it_takes() -> None:
    with pytest.raises(SpecError, match=r"'alexnet' has inputs of its own: --shape and --input are for \.onnx files"):
        catalogue.check("alexnet", 1, [InputChoice("data", (1, 3, 8, 8))])
    assert (catalogue.own_batch("alexnet"), catalogue.guesses("alexnet", 8)) == (None, ())


def test_the_batch_of_a_file_that_cannot_be_read_is_open(tmp_path: Path) -> None:
    """What is wrong with it, `check` says: a request must not fail where it is only looked at."""
    assert catalogue.own_batch(str(tmp_path / "absent.onnx")) is None
    assert catalogue.own_batch("/a/m.ort") is None


def test_facts_of_an_own_network_hold_no_path(tmp_path: Path, kept: Path) -> None:
    path = own_files.convolution(tmp_path / "m.onnx", ["N", 3, "h", "w"])
    network = resolve(str(path), 1)
    assert network.source == path and network.path.parent == kept
    assert Network.from_json(json.loads(json.dumps(network.to_json()))) == network
    described = network.described()
    assert described["guesses"] == ["images=1x3x224x224"]
    assert not {"path", "source"} & described.keys()
