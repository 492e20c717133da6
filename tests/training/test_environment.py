"""What torch finds in its environment."""

from __future__ import annotations

import os
from unittest.mock import patch

from colocate.training.environment import prepare


def test_multicast_is_off_whatever_was_set() -> None:
    with patch.dict(os.environ, {"NCCL_NVLS_ENABLE": "1"}):
        prepare()
        assert os.environ["NCCL_NVLS_ENABLE"] == os.environ["NVSHMEM_DISABLE_NVLS"].replace("1", "0") == "0"
        assert os.environ["TORCH_SYMM_MEM_DISABLE_MULTICAST"] == "1"
        assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
