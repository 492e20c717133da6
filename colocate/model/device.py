"""The device that the networks of a study run on: a GPU, a Jetson's deep learning accelerator (DLA) or the CPU."""

from __future__ import annotations

import re
from dataclasses import dataclass

from colocate.errors import SpecError

CPU = "cpu"
# The only precision of a study in which a Jetson's DLA can compute.
DLA_PRECISION = "fp16"
_DEVICE = re.compile(r"(cuda|dla)(?::(\d{1,3}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Workers:
    """The Python and the device of the worker processes, which run the networks.

    `python` is the path of the Python. None selects the one that has the runtime. `device` is `cpu`, `cuda:N` for GPU
    number N of nvidia-smi, or `dla:N` for core N of a Jetson's DLA. None selects the first GPU or the CPU, as the
    runtime needs.
    """

    python: str | None = None
    device: str | None = None

    @property
    def gpu(self) -> int | None:
        """The number of the chosen GPU; None if no GPU was chosen."""
        kind, _, number = (self.device or "").partition(":")
        return int(number) if kind == "cuda" else None


USUAL = Workers()


def is_dla(device: str | None) -> bool:
    """Whether `device` is a core of a Jetson's DLA."""
    return (device or "").startswith("dla")


def parse_device(text: str) -> str:
    """Return the full name of the device `text`: `cuda:0` for `cuda`, `dla:0` for `dla`. Raises SpecError if `text`
    is no device.
    """
    match = _DEVICE.fullmatch(text.strip())
    if match is None and text.strip() != CPU:
        raise SpecError(f"device: {text!r} is none; give cuda:N, dla:N or cpu")
    return CPU if match is None else f"{match[1]}:{int(match[2] or 0)}"
