"""Networks that are trained, as a study asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from colocate.errors import SpecError
from colocate.model.request import Inference, Training
from colocate.request.spec import make_spec


def asked(training: dict[str, Any] | None = None, **own: Any) -> Inference:
    entry = {"network": "lenet", "training": {"data": "digits", **(training or {})}, **own}
    (inference,) = make_spec({"networks": [entry], "stressors": []}).inferences
    return inference


def test_what_is_asked_for_is_trained() -> None:
    found = asked({"gpus": 2, "epochs": 3}, batch=128, precision="tf32")
    assert found == Inference("lenet", "torch-2gpu", "tf32", 128, training=Training(ranks=2, data="digits", epochs=3))
    assert asked({"gpus": 0}).training == Training(on_gpu=False, data="digits")
    assert asked({"gpus": 0, "ranks": 2}).backend == "torch-2cpu"
    assert asked(network="own.networks:small").network == "own.networks:small"


def test_a_folder_is_named_from_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images").mkdir()
    monkeypatch.chdir(tmp_path)
    training = asked({"data": "images"}).training
    assert training is not None and training.data == str(tmp_path / "images")


@pytest.mark.parametrize(
    ("said", "training", "own"),
    [
        ("unknown network 'lenett'; did you mean 'lenet'?", {}, {"network": "lenett"}),
        ("unknown precision 'fp16'; ", {}, {"precision": "fp16"}),
        ("batch: 64 images cannot be shared equally by 3 GPUs; give a multiple", {"gpus": 3}, {"batch": 64}),
        ("precision: only GPUs have tf32; train on CPUs in fp32 or bf16", {"gpus": 0}, {"precision": "tf32"}),
        ("data: 'no/such' is no folder; give synthetic, digits, or a folder", {"data": "no/such"}, {}),
        ("graph: lenet is trained, and this is for networks that infer; leave it out", {}, {"graph": True}),
        ("learning_rate", {"learning_rate": 0}, {}),
        ("epochs", {"epochs": -1}, {}),
    ],
)
def test_a_bad_request_is_said(said: str, training: dict[str, Any], own: dict[str, Any]) -> None:
    with pytest.raises(SpecError) as raised:
        asked(training, **own)
    assert said in str(raised.value)


def test_it_runs_where_the_networks_of_the_study_are_to_run_or_not_at_all() -> None:
    entry = {"network": "lenet", "training": {"gpus": 1}}
    with pytest.raises(SpecError, match=r"^device: training takes the first GPUs, .* not cuda:1; leave it out$"):
        make_spec({"networks": [entry], "stressors": [], "device": "cuda:1"})
    with pytest.raises(SpecError, match=r"^device: lenet is trained on a GPU; give it gpus = 0 or ranks, or leave"):
        make_spec({"networks": [entry], "stressors": [], "device": "cpu"})
    entry["training"] = {"ranks": 2}
    assert make_spec({"networks": [entry], "stressors": [], "device": "cpu"}).inferences[0].backend == "torch-2cpu"
