"""What the networks of a study run on: a GPU, a Jetson's accelerator, the CPU."""

from __future__ import annotations

import re
from dataclasses import dataclass

from colocate.errors import SpecError

CPU = "cpu"
# The one of those that a study can name in which a Jetson's accelerator computes.
DLA_PRECISION = "fp16"
_DEVICE = re.compile(r"(cuda|dla)(?::(\d{1,3}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Workers:
    """How the networks' workers run: under the Python of this path, on this device.

    The device is `cpu`, `cuda:N` for a GPU as nvidia-smi counts them, or `dla:N` for a core of a Jetson's
    accelerator. None is the Python that has the runtime, and the first GPU or the CPU as the runtime needs.
    """

    python: str | None = None
    device: str | None = None

    @property
    def gpu(self) -> int | None:
        """The number of the GPU that was chosen; None where none was."""
        kind, _, number = (self.device or "").partition(":")
        return int(number) if kind == "cuda" else None


USUAL = Workers()


def is_dla(device: str | None) -> bool:
    """Whether this device is a Jetson's accelerator."""
    return (device or "").startswith("dla")


def parse_device(text: str) -> str:
    """`cuda` is `cuda:0`, and `dla` `dla:0`. Raises SpecError."""
    match = _DEVICE.fullmatch(text.strip())
    if match is None and text.strip() != CPU:
        raise SpecError(f"device: {text!r} is none; give cuda:N, dla:N or cpu")
    return CPU if match is None else f"{match[1]}:{int(match[2] or 0)}"
