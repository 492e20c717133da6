"""Turn the keys of a network that is trained into an Inference with its Training."""

from __future__ import annotations

from pathlib import Path

from colocate.errors import SpecError
from colocate.model.device import CPU
from colocate.model.request import TRAINING_PRECISIONS, Inference, Training
from colocate.model.spelling import unknown
from colocate.request.study_keys import NetworkKeys, TrainingKeys
from colocate.training.registry import NETWORKS, is_own

MADE_UP, SHIPPED = "synthetic", "digits"
_BATCH = 64
# Keys of a network that are of no use in a training.
_OF_INFERENCE = ("backend", "graph", "wait", "period_ms", "shapes", "inputs")


def trained(
    own: NetworkKeys, keys: TrainingKeys, precision: str, batch: int | None, device: str | None = None
) -> Inference:
    """Return the network as one that is trained on `device`, None or `cpu`. Raises SpecError."""
    network = own.network
    for key in _OF_INFERENCE:
        if getattr(own, key):
            raise SpecError(f"{key}: {network} is trained, and this is for networks that infer; leave it out")
    if network not in NETWORKS and not is_own(network):
        raise SpecError(unknown(network, list(NETWORKS), "network", "your own as package.module:factory, or one of"))
    if precision not in TRAINING_PRECISIONS:
        raise SpecError(unknown(precision, list(TRAINING_PRECISIONS), "precision", "one of"))
    training = Training(
        ranks=keys.ranks or keys.gpus or 1,
        on_gpu=keys.gpus > 0 and keys.ranks is None,
        data=_data(keys.data),
        epochs=keys.epochs,
        learning_rate=keys.learning_rate,
    )
    if device not in (None, CPU):
        raise SpecError(f"device: training takes the first GPUs, as many as --gpus says, not {device}; leave it out")
    if device == CPU and training.on_gpu:
        raise SpecError(f"device: {network} is trained on a GPU; give it gpus = 0 or ranks, or leave out the device")
    batch = batch or _BATCH
    if batch % training.ranks:
        ranks = f"{training.ranks} {'GPUs' if training.on_gpu else 'ranks'}"
        raise SpecError(f"batch: {batch} images cannot be shared equally by {ranks}; give a multiple")
    if precision == "tf32" and not training.on_gpu:
        raise SpecError("precision: only GPUs have tf32; train on CPUs in fp32 or bf16")
    return Inference(network, training.backend, precision, batch, training=training)


def _data(text: str) -> str:
    if text in (MADE_UP, SHIPPED):
        return text
    # A run is resumed from any folder.
    path = Path(text).expanduser().absolute()
    if not text.strip() or "\0" in text or not path.is_dir():
        raise SpecError(
            f"data: {text!r} is no folder; give {MADE_UP}, {SHIPPED}, or a folder with one folder a class"
        )
    return str(path)
