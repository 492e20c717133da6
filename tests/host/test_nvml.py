from __future__ import annotations

import sys

import pytest

from colocate.errors import RestoreError
from colocate.host.nvml import text, unlock
from tests.host.fake_nvml import FakeNvml


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    fake = FakeNvml()
    fake.lock = (345, 345)
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake


def test_a_lock_is_taken_off(nvml: FakeNvml) -> None:
    unlock(nvml.UUID)
    assert nvml.lock is None


def test_a_lock_that_stays_names_the_gpu_and_the_reason(nvml: FakeNvml) -> None:
    nvml.refuses = True
    with pytest.raises(RestoreError, match=f"{nvml.UUID}: wanted unlocked, NVML refused it: GPU is lost"):
        unlock(nvml.UUID)
    assert nvml.lock == (345, 345)


def test_without_the_package_the_message_says_which_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(RestoreError, match="GPU-1 is still locked: install nvidia-ml-py"):
        unlock("GPU-1")


@pytest.mark.parametrize("name", ["GPU-1", b"GPU-1"])
def test_names_in_bytes_are_text(name: str | bytes) -> None:
    assert text(name) == "GPU-1"
