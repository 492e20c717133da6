"""What the user can do about errors of CUDA and of the runtimes that use it."""

# Parts of messages of CUDA, cuDNN, ONNX Runtime and TensorRT in lower case, and what the user can do.
_REMEDIES = (
    (("out of memory", "out_of_memory", "outofmemory", "failed to allocate memory", "alloc_failed"),
     "the GPU's memory is full: lower --batch, or end what else uses the GPU (nvidia-smi lists it)"),
    (("insufficientdriver", "insufficient for cuda", "unsupported ptx", "system_driver_mismatch", "driver version",
      "failure with error: 35"),
     "the NVIDIA driver is older than this runtime needs: update it, or install the runtime for its CUDA version"),
    (("busy or unavailable", "devicesunavailable", "device unavailable", "exclusive"),
     "another program holds the GPU in exclusive mode: end it (nvidia-smi lists it)"),
    (("fp16 is not configured",),
     "this network is of half precision, which this version of TensorRT must be told: add --precision fp16"),
    (("when stream is capturing", "error during capture"),
     "this network cannot be captured as a CUDA graph: leave out --graph"),
    (("not permitted", "notpermitted", "permission", "operation_not_supported"),
     "this user may not use the GPU: see who may open /dev/nvidia* (on a Jetson: groups video and render)"),
    (("no cuda-capable device", "nodevice", "no_device", "libcuda.so", "failed call to cuinit"),
     "there is no NVIDIA GPU with a driver that this process can see"),
)  # fmt: skip


def explained(message: str) -> str:
    """Return `message` on one line. If it is known what to do, that comes first."""
    line = " ".join(message.split())
    low = line.lower()
    for parts, remedy in _REMEDIES:
        if any(part in low for part in parts):
            return f"{remedy} [{_shortened(line)}]"
    return _shortened(line)


def _shortened(line: str, limit: int = 300) -> str:
    return line if len(line) <= limit else f"{line[:limit]}..."
