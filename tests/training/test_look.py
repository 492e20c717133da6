"""What a Python with torch says of itself."""

from __future__ import annotations

import torch

from colocate.training.look import look


def test_versions_and_gpus_are_those_of_torch() -> None:
    found = look()
    assert found["torch"] == str(torch.__version__) and found["cuda"] == torch.version.cuda
    assert found["gpus"] == [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    assert (found["nccl"] is not None) == torch.distributed.is_nccl_available()
