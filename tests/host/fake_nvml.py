"""NVML as far as the lock of a GPU's clock needs it."""

# ruff: noqa: N802 - the stand-in has the names of pynvml
from __future__ import annotations

from types import ModuleType


class FakeNvml(ModuleType):
    """One GPU whose lock is in `lock`; the functions and constants of pynvml that are used, no others."""

    NVML_CLOCK_GRAPHICS = 0
    UUID = "GPU-01234567-89ab-cdef-0123-456789abcdef"

    class NVMLError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.lock: tuple[int, int] | None = None
        self.started = False
        self.refuses = False
        self.index: int | None = None

    def nvmlInit(self) -> None:
        self.started = True

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        assert self.started
        self.index = index
        return "handle"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        assert self.started and uuid == self.UUID
        return "handle"

    def nvmlDeviceGetUUID(self, handle: str) -> bytes:
        return self.UUID.encode()

    def nvmlDeviceGetSupportedMemoryClocks(self, handle: str) -> list[int]:
        return [2619, 1593]

    def nvmlDeviceGetSupportedGraphicsClocks(self, handle: str, memory_mhz: int) -> list[int]:
        assert memory_mhz == 2619
        return [1980, 1965, 345]

    def nvmlDeviceGetClockInfo(self, handle: str, kind: int) -> int:
        return self.lock[0] if self.lock else 345

    def nvmlDeviceSetGpuLockedClocks(self, handle: str, lowest_mhz: int, highest_mhz: int) -> None:
        if self.refuses:
            raise self.NVMLError("Not Supported")
        self.lock = (lowest_mhz, highest_mhz)

    def nvmlDeviceResetGpuLockedClocks(self, handle: str) -> None:
        if self.refuses:
            raise self.NVMLError("GPU is lost")
        self.lock = None
