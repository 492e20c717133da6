from __future__ import annotations

import time

import pytest

from colocate.worker.backend import Backend
from colocate.worker.backends.synthetic import Synthetic, spin_length_s
from colocate.worker.errors import WorkerError
from colocate.worker.request import Request

TARGET = "colocate.worker.backends.synthetic:Synthetic"


@pytest.mark.parametrize(
    ("network", "length_s"),
    [("spin-2ms", 2e-3), ("spin-500us", 5e-4), ("spin-0.25ms", 2.5e-4), ("spin-12.5us", 1.25e-5)],
)
def test_its_name_is_its_length(network: str, length_s: float) -> None:
    assert spin_length_s(network) == pytest.approx(length_s)
    assert Synthetic(Request(TARGET, network)).facts() == {"spin_s": pytest.approx(length_s)}


def test_each_image_of_a_batch_takes_as_long() -> None:
    assert Synthetic(Request(TARGET, "spin-2ms", batch=8)).facts() == {"spin_s": pytest.approx(16e-3)}


@pytest.mark.parametrize("network", ["spin", "spin-2", "spin-2s", "spin-ms", "spin-.5ms", "spin-2ms ", "alexnet", ""])
def test_another_name_is_refused(network: str) -> None:
    with pytest.raises(WorkerError, match=f"named like spin-2ms or spin-500us, not '{network}'"):
        Synthetic(Request(TARGET, network))


def test_an_inference_lasts_no_less() -> None:
    network: Backend = Synthetic(Request(TARGET, "spin-2ms"))
    begin_s = time.monotonic()
    network.infer()
    assert time.monotonic() - begin_s >= 2e-3
    assert network.device_s() is None
