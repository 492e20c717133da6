"""How a training is started."""

from __future__ import annotations

import sys

import pytest

from colocate.errors import HostError
from colocate.model.request import Inference, Training
from colocate.rigs.host.trained import check_torch, training_command
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


def test_a_missing_torch_is_said_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find", lambda name: None)
    with pytest.raises(HostError, match="training needs torch, which is not installed: pip install"):
        check_torch(None)
    # Another Python says so itself.
    check_torch("/usr/bin/python3")
