"""Conversion of a network to half precision: FP16 weights and arithmetic; inputs and outputs keep their types."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

from colocate.bounded import bounded
from colocate.errors import SpecError
from colocate.inference.onnx import onnx_file


def halved(path: Path) -> bytes:
    """Return the .onnx file at `path` converted to FP16, with casts at inputs and outputs. Raises SpecError if it
    cannot be converted.
    """
    content: bytes = bounded(lambda: _halved(path), str(path), onnx_file.size_bytes(path))
    return content


def _halved(path: Path) -> bytes:
    try:
        converted: onnx.ModelProto = convert_float_to_float16(onnx_file.whole(path), keep_io_types=True)
        content: bytes = converted.SerializeToString()
        return content
    except (ValueError, TypeError, RuntimeError) as error:
        raise SpecError(f"{path} cannot be converted to fp16: {str(error).splitlines()[0]}") from error
