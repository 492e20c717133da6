"""How a training is started."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from colocate.errors import ColocateError, HostError, SpecError
from colocate.model.machine import Missing
from colocate.model.request import Inference, Training
from colocate.rigs.host import trained
from colocate.rigs.host.trained import FIX, check_trainings, look_at_torch, trained_from, training_command
from colocate.worker import packages
from colocate.worker.request import from_json


def test_the_worker_is_told_what_to_train_and_from_which_seed() -> None:
    training = Training(ranks=2, data="digits", epochs=3, learning_rate=0.1)
    inference = Inference("lenet", training.backend, "bf16", 64, training=training)
    python, _, module, text = training_command(inference, training, seed=4)
    assert (python, module) == (sys.executable, "colocate.worker")
    asked = from_json(text)
    assert asked.target == "colocate.training.backend:TrainingSteps"
    assert (asked.network, asked.precision, asked.batch) == ("lenet", "bf16", 64)
    assert asked.training == (2, True, "digits", 3, 0.1, 4)
    assert training_command(inference, training, 4, "/usr/bin/python3")[0] == "/usr/bin/python3"


TRAINED = Inference("lenet", "torch-1cpu", batch=64, training=Training(on_gpu=False))


def test_what_a_training_is_made_of_is_said_once_or_why_it_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"")
    of_folder = dataclasses.replace(TRAINED, training=Training(on_gpu=False, data=str(tmp_path)))
    found = trained_from([of_folder, TRAINED, of_folder, Inference("alexnet")])
    assert found.keys() == {str(tmp_path)} and found[str(tmp_path)]["images"] == 1
    (tmp_path / "a" / "2.png").symlink_to("gone")
    with pytest.raises(SpecError, match=r"2\.png cannot be read: No such file or directory"):
        trained_from([of_folder])


def saying(words: str, status: int = 1) -> Callable[[list[str]], list[str]]:
    """In place of the process that would be started, one that says this."""
    code = f"import sys; sys.stderr.write({words!r}); sys.exit({status})"
    return lambda module, python: [sys.executable, "-c", code]  # type: ignore[return-value,misc]


def test_a_missing_torch_is_said_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find", lambda name: None)
    with pytest.raises(HostError, match="training needs torch, which is not installed: pip install"):
        check_trainings([TRAINED], None)
    check_trainings([Inference("alexnet")], None)
    assert look_at_torch() == Missing("not installed", FIX)


@pytest.mark.parametrize(("network", "kind"), [("lenet", HostError), ("nets:mine", SpecError)])
def test_what_can_never_be_trained_is_said_by_who_must_act(
    network: str, kind: type[ColocateError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trained, "_start", saying("Traceback\nit cannot be trained\n"))
    with pytest.raises(kind, match=r"^it cannot be trained$"):
        check_trainings([dataclasses.replace(TRAINED, network=network)], "/usr/bin/python3")
    monkeypatch.setattr(trained, "_start", saying(""))
    with pytest.raises(kind, match="ended with status 1 and no word"):
        check_trainings([dataclasses.replace(TRAINED, network=network)], "/usr/bin/python3")


def test_each_network_of_ones_own_is_tried_once_for_each_data(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[list[str]] = []

    def answered(command: list[str]) -> dict[str, object]:
        tried.append(command)
        return {}

    monkeypatch.setattr(trained, "_answered", answered)
    names = ["lenet", "alexnet", "nets:a", "nets:b", "nets:a"]
    check_trainings([dataclasses.replace(TRAINED, network=name) for name in names], "/python")
    assert [from_json(command[-1]).network for command in tried] == ["lenet", "nets:a", "nets:b"]
    assert {(command[0], command[2]) for command in tried} == {("/python", "colocate.training.first_step")}


def test_another_python_that_cannot_be_started_is_named() -> None:
    with pytest.raises(HostError, match=r"/no/python cannot be started: No such file"):
        check_trainings([TRAINED], "/no/python")
