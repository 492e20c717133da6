"""Which networks there are to train."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from colocate.training.registry import NETWORKS, is_own, trainable
from colocate.worker.errors import WorkerError


def test_a_network_of_the_users_own_is_a_module_and_a_factory() -> None:
    assert is_own("mine.networks:small") and is_own("mine:small")
    for name in ("lenet", "mine:", ":small", "mine.py:small()", "a/b:c", ""):
        assert not is_own(name), name
    assert not any(map(is_own, NETWORKS))


def test_it_is_found_where_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_networks.py").write_text("def small(num_classes): return num_classes\nsmall.image = (1, 4, 4)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    found = trainable("own_networks:small")
    assert (found.factory(num_classes=7), found.image) == (7, (1, 4, 4))
    with pytest.raises(WorkerError, match=r"own_networks:large cannot be imported: .*large"):
        trainable("own_networks:large")
    with pytest.raises(WorkerError, match="no_such_module:x cannot be imported: No module named 'no_such_module'"):
        trainable("no_such_module:x")
