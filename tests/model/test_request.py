"""The order in which the ways to run a network stand in tables."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from colocate.model.request import Inference, InputChoice, Training

CHOICES = st.builds(
    InputChoice,
    st.sampled_from("xy"),
    st.none() | st.tuples(st.none() | st.integers(1, 9)),
    st.none() | st.integers(-1, 1) | st.just("x.npy"),
)
INFERENCES = st.builds(
    Inference,
    st.just("net"),
    st.sampled_from(("onnxruntime-cpu", "tensorrt")),
    st.sampled_from(("fp32", "fp16")),
    st.integers(1, 128),
    st.booleans(),
    st.sampled_from(("spin", "block")),
    st.none() | st.floats(0.001, 1),
    st.lists(CHOICES, max_size=2).map(tuple),
)


@given(st.lists(INFERENCES, max_size=5))
def test_any_two_ways_have_an_order(inferences: list[Inference]) -> None:
    backwards = [each.ways for each in inferences[::-1]]
    assert sorted(backwards) == sorted(each.ways for each in inferences)


@given(INFERENCES, INFERENCES)
def test_only_equal_ways_are_the_same(one: Inference, other: Inference) -> None:
    assert (one.ways == other.ways) == (one == other)


def test_batches_rise() -> None:
    assert Inference("net", batch=8).ways < Inference("net", batch=16).ways


@given(INFERENCES)
def test_its_json_is_what_json_reads_back(inference: Inference) -> None:
    fields = inference.to_json()
    assert json.loads(json.dumps(fields)) == fields
    assert fields["network"] == "net" and len(fields["inputs"]) == len(inference.inputs)


def test_what_is_absent_is_not_present() -> None:
    first = {"network": "net", "backend": "auto", "precision": "fp32", "batch": 1, "graph": False, "wait": "spin"}
    assert Inference("net").present == first
    assert Inference("net", period_s=0.1, inputs=(InputChoice("x"),)).present.keys() == {*first, "period_s", "inputs"}


def test_a_training_says_what_trains_and_that_no_runtime_infers() -> None:
    training = Training(ranks=2)
    assert training.backend == "torch-2gpu"
    assert Training(on_gpu=False).backend == "torch-1cpu"
    assert not Inference("lenet", training.backend, training=training).by_runtime
    assert Inference("alexnet").by_runtime
    # What came later leaves what is known of older settings as it was.
    assert "training" not in Inference("alexnet").present
