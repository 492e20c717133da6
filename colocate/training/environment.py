"""Environment variables for torch, which must be set before torch is loaded."""

from __future__ import annotations

import os

# NVLink multicast stays off: where GPUs are shared, a program that ends in the middle of it can take them out of
# service for all. GPUs have the numbers that NVML gives them. Ranks of one machine meet on its loopback.
_SETTINGS = {
    "NCCL_NVLS_ENABLE": "0",
    "TORCH_SYMM_MEM_DISABLE_MULTICAST": "1",
    "NVSHMEM_DISABLE_NVLS": "1",
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    "GLOO_SOCKET_IFNAME": "lo",
    "NCCL_SOCKET_IFNAME": "lo",
}


def prepare() -> None:
    """Set the environment variables that torch reads."""
    os.environ.update(_SETTINGS)
