"""One step of a training before a study: what can never be trained is said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from colocate.training.first_step import first_step
from colocate.worker.errors import WorkerError
from tests.training.requests import request

NETWORKS = """
from torch import nn
def good(num_classes):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(num_classes))
def failing(num_classes):
    raise KeyError("no weights")
def text(num_classes):
    return "a network"
class Wrong(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.last = nn.LazyLinear(num_classes)
    def forward(self, images):
        return undefined(images)
class Detached(Wrong):
    def forward(self, images):
        return self.last(images.flatten(1)).detach()
class Empty(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.classes = num_classes
    def forward(self, images):
        return images.flatten(1)[:, : self.classes]
def leaving(num_classes):
    raise SystemExit("no card")
number = 5
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that lies beside the user."""
    name = f"networks_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(NETWORKS)
    (tmp_path / f"broken_{name}.py").write_text("1 / 0")
    (tmp_path / f"leaving_{name}.py").write_text("import sys; sys.exit(3)")
    monkeypatch.chdir(tmp_path)
    return name


def test_a_network_of_ones_own_takes_a_step(mine: str) -> None:
    found = first_step(request(network=f"{mine}:good", data="synthetic", batch=64))
    assert isinstance(found, dict) and found["parameters"] > 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("{}:failing", "cannot be made: 'no weights'"),
        ("{}:leaving", "cannot be made: no card"),
        ("leaving_{}:any", "cannot be imported: 3"),
        ("{}:text", "makes a str, not a torch.nn.Module"),
        ("{}:Wrong", "cannot take images of 3x224x224: name 'undefined' is not defined"),
        ("{}:Detached", "cannot be trained: element 0 of tensors does not require grad"),
        ("{}:Empty", "cannot be trained: optimizer got an empty parameter list"),
        ("{}:number", "is no function or class that makes a network"),
        ("{}:absent", "cannot be imported: module "),
        ("broken_{}:any", "cannot be imported: division by zero"),
        ("absent_{}:any", "cannot be imported: No module named"),
    ],
)
def test_what_can_never_be_trained_is_one_line(mine: str, name: str, said: str) -> None:
    with pytest.raises(WorkerError) as raised:
        first_step(request(network=name.format(mine), data="synthetic"))
    assert str(raised.value).startswith(name.format(mine)) and said in str(raised.value)
    assert "\n" not in str(raised.value)
