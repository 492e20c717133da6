"""A backend is loaded by the name that the request gives."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from colocate.worker import cache
from colocate.worker.backend import load
from colocate.worker.backends.synthetic import Synthetic
from colocate.worker.errors import WorkerError
from colocate.worker.request import NetworkFile, Request


def test_the_class_that_the_target_names_gets_the_request() -> None:
    backend = load(Request("colocate.worker.backends.synthetic:Synthetic", "spin-3us"))
    assert isinstance(backend, Synthetic)
    assert backend.facts() == {"spin_s": pytest.approx(3e-6)}


def test_what_the_runtime_refuses_is_its_own_error() -> None:
    with pytest.raises(WorkerError, match="not 'alexnet'"):
        load(Request("colocate.worker.backends.synthetic:Synthetic", "alexnet"))


def test_a_runtime_that_its_python_lacks_is_one_line_that_names_the_python() -> None:
    with pytest.raises(
        WorkerError, match=r"^it cannot be loaded under Python 3\.\d+ \(/.*\): No module named 'nowhere'$"
    ):
        load(Request("nowhere:Backend", "alexnet"))


def test_only_the_runtime_that_is_wanted_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("colocate.worker.backends.")]:
        monkeypatch.delitem(sys.modules, name)
    load(Request("colocate.worker.backends.synthetic:Synthetic", "spin-3us"))
    assert [name for name in sys.modules if name.startswith("colocate.worker.backends.")] == [
        "colocate.worker.backends.synthetic"
    ]


def test_a_network_that_was_changed_since_it_was_made_is_not_loaded(tmp_path: Path) -> None:
    kept = cache.obtain(tmp_path / "networks" / "a.onnx", lambda: b"whole")
    request = Request("colocate.worker.backends.synthetic:Synthetic", "spin-1ms", cache=tmp_path)
    request = request._replace(file=NetworkFile("a", kept, "", ()))
    load(request)
    kept.write_bytes(b"other")
    with pytest.raises(WorkerError, match=r"cannot use .*a-.*\.onnx: it is damaged, or somebody else .*; run this"):
        load(request)
