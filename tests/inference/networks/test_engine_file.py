"""An engine as a network: what is known of it without TensorRT, and which file is one that may be loaded."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from colocate.errors import SpecError
from colocate.inference.networks import catalogue
from colocate.inference.networks.engine_file import engine_network, refuse_engine
from colocate.inference.networks.network import Network
from colocate.model.request import InputChoice
from colocate.worker.request import Request, TensorSpec, from_json

CONTENT = b"what TensorRT wrote"


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    path = tmp_path / "my.engine"
    path.write_bytes(CONTENT)
    path.chmod(0o644)
    return path


def test_it_is_known_by_its_content_and_says_nothing_else(engine: Path) -> None:
    network = engine_network(str(engine), 1, ())
    assert (network.name, network.path, network.sha256) == ("my", engine, hashlib.sha256(CONTENT).hexdigest())
    assert (network.inputs, network.parameters, network.macs, network.engine) == ((), None, None, True)
    assert Network.from_json(network.to_json()) == network
    assert network.described()["engine"] is True
    request = Request("", "my", file=network.file)
    assert from_json(request.to_json()) == request and request.loaded.engine


def saved(path: Path, array: npt.NDArray[Any]) -> str:
    np.save(path, array)
    return str(path)


@pytest.mark.parametrize(
    ("array", "shape", "why"),
    [
        (None, None, r"cannot read the input .*x\.npy: No such file or directory"),
        (np.array(["a"]), None, r"input 'x': .*x\.npy holds <U1; only numbers and booleans can be fed"),
        (np.zeros(3), (2, None), r".*x\.npy is 3, and not 2x@batch as in --shape x=2x@batch"),
    ],
)
def test_an_array_that_no_input_can_be_fed_is_refused_before_it_is_loaded(
    engine: Path, array: npt.NDArray[Any] | None, shape: tuple[int | None, ...] | None, why: str
) -> None:
    path = engine.with_name("x.npy")
    if array is not None:
        saved(path, array)
    with pytest.raises(SpecError, match=f"^{why}$"):
        catalogue.check(str(engine), 1, (InputChoice("x", shape, str(path)),))


def test_what_the_study_feeds_goes_with_it(engine: Path) -> None:
    ids = saved(engine.with_name("ids.npy"), np.zeros((4, 2)))
    choices = (InputChoice("ids", value=ids), InputChoice("rate", value=16000.0))
    specs = (TensorSpec("ids", (4, 2), "", file=ids), TensorSpec("rate", (), "", constant=16000.0))
    assert engine_network(str(engine), 1, choices).inputs == specs
    (shaped,) = engine_network(str(engine), 4, (InputChoice("ids", (None, 2)),)).inputs
    assert shaped == TensorSpec("ids", (4, 2), "")


def test_the_catalogue_takes_it_for_what_it_is(engine: Path) -> None:
    catalogue.check(str(engine), 8)
    assert catalogue.resolve(str(engine), 8, "").engine
    assert catalogue.own_batch(str(engine)) is None
    assert catalogue.guesses(str(engine), 8) == ()


def test_a_file_that_was_written_anew_is_another(engine: Path) -> None:
    first = engine_network(str(engine), 1, ()).sha256
    engine.write_bytes(b"another of TensorRT")
    assert engine_network(str(engine), 1, ()).sha256 != first


def writable(engine: Path) -> None:
    engine.chmod(0o664)


def of_another(engine: Path) -> None:
    if os.geteuid():
        pytest.skip("only root gives files away")
    os.chown(engine, 1234, 1234)


def a_fifo(engine: Path) -> None:
    engine.unlink()
    os.mkfifo(engine)


def a_folder(engine: Path) -> None:
    engine.unlink()
    engine.mkdir()


OTHERS = r"somebody else could have written it; an engine runs as code, .*chmod go-w\)"


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (writable, rf"cannot use .*my\.engine: {OTHERS}"),
        (of_another, rf"cannot use .*my\.engine: {OTHERS}"),
        (a_fifo, r"cannot use .*my\.engine: it is no plain file"),
        (a_folder, r"cannot use .*my\.engine: it is no plain file"),
    ],
)
def test_one_that_others_could_have_written_is_refused(engine: Path, spoil: Callable[[Path], None], why: str) -> None:
    spoil(engine)
    with pytest.raises(SpecError, match=f"^{why}$"):
        catalogue.check(str(engine))


def test_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"^there is no file .*gone\.plan; name the file"):
        catalogue.check(str(tmp_path / "gone.plan"))


def test_a_link_to_it_leads_there(engine: Path) -> None:
    link = engine.with_name("latest.engine")
    link.symlink_to(engine)
    assert engine_network(str(link), 1, ()).sha256 == engine_network(str(engine), 1, ()).sha256


def test_who_needs_the_graph_says_so() -> None:
    refuse_engine("alexnet", "whose layers are wanted")
    refuse_engine("/nets/a.onnx", "whose layers are wanted")
    with pytest.raises(SpecError, match=r"^a\.plan is an engine, whose layers are wanted; give the \.onnx file"):
        refuse_engine("a.plan", "whose layers are wanted")
