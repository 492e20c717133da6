"""Keys -> what they mean, and what is said of keys that mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.errors import SpecError
from colocate.model.limits import Limits
from colocate.model.request import Inference, InputChoice
from colocate.request.spec import make_spec, make_study, parse_duration_s
from colocate.request.study_keys import StudyKeys
from colocate.rigs.registry import make_rig
from colocate.study.plan import plan
from tests.inference import own_files
from tests.study.test_plan import facts


def test_each_network_has_a_period_of_its_own() -> None:
    spec = make_spec({"networks": ["alexnet", {"network": "googlenet", "period_ms": 50}], "period_ms": 33.3})
    assert [inference.period_s for inference in spec.inferences] == pytest.approx([0.0333, 0.05])
    assert make_spec({}).inferences[0].period_s is None


def test_a_network_may_have_windows_of_its_own(tmp_path: Path) -> None:
    path = str(tmp_path / "mine.onnx")
    keys = {"networks": ["alexnet", {"network": "googlenet", "window": 0.5}, {"network": path, "window": 3}]}
    spec = make_spec(keys | {"backend": "onnxruntime", "window": 1.5})
    assert dict(spec.own_windows_s) == {"googlenet": 0.5, path: 3.0}
    windows_s = {t.inference.network if t.inference else "none": t.window_s for t in plan(spec, facts())}
    assert windows_s == {"alexnet": 1.5, "googlenet": 0.5, path: 3.0, "none": 1.5}


def test_a_network_has_one_length_of_window_however_it_is_run() -> None:
    fp32, fp16 = ({"network": "alexnet", "precision": precision} for precision in ("fp32", "fp16"))
    same = make_spec({"networks": [fp32 | {"window": 1}, fp16 | {"window": 1}]})
    assert dict(same.own_windows_s) == {"alexnet": 1.0}
    assert make_spec({"networks": [fp32, fp16 | {"window": 2}]}).own_windows_s == (("alexnet", 2.0),)
    for other in (fp16, fp16 | {"window": 2}):
        with pytest.raises(SpecError, match=r"networks: alexnet has windows of 1 and 2 s; give it one length"):
            make_spec({"networks": [fp32 | {"window": 1}, other]})


def test_a_network_may_be_fed_in_a_way_of_its_own(tmp_path: Path) -> None:
    path = str(own_files.convolution(tmp_path / "mine.onnx", ["N", 3, "h", "w"]))
    own = {"network": path, "shapes": {"images": "@batchx3x32x32"}, "inputs": {"images": 0.5}}
    first, second = make_spec({"networks": [path, own], "shapes": {"images": "1x3x64x64"}}).inferences
    assert first.inputs == (InputChoice("images", (1, 3, 64, 64)),)
    assert second.inputs == (InputChoice("images", (None, 3, 32, 32), 0.5),)


def test_the_batch_is_that_of_the_file_unless_another_is_asked_for(tmp_path: Path) -> None:
    fixed = str(own_files.convolution(tmp_path / "fixed.onnx", [8, 3, 8, 8]))
    dynamic = str(own_files.convolution(tmp_path / "dynamic.onnx", ["N", 3, 8, 8]))
    assert [each.batch for each in make_spec({"networks": [fixed, dynamic]}).inferences] == [8, 1]
    # That the file does not take it is for the rig to say, which names the file.
    assert make_spec({"networks": [fixed], "batch": 2}).inferences[0].batch == 2
    chosen = {"networks": [dynamic], "shapes": {"images": "3x3x8x8"}}
    assert make_spec(chosen).inferences[0].batch == 3


def test_limits_in_a_study_are_limits() -> None:
    spec = make_spec({"slo_ms": 33.3, "power_budget_w": 8, "percentile": "p99", "until": "decided", "budget": "1.5h"})
    assert spec.limits == Limits(slo_s=33.3 * 1e-3, power_budget_w=8.0, percentile="p99")
    assert (spec.until_decided, spec.budget_s, spec.repeats) == (True, 5400.0, 30)
    assert make_spec({"until": "decided", "max_work_loss": 0.1, "repeats": 9}).repeats == 9
    assert make_spec({}).limits is None and make_spec({}).repeats == 5


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), (" 1.5 h ", 5400), (45, 45)])
def test_lengths_of_time(text: str | float, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-3m", "0s", "1d", "9" * 400 + "h", "1e3s", "\u0664s"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(SpecError, match="no length of time"):
        parse_duration_s(text)


def test_flags_and_files_speak_the_same_words() -> None:
    as_flags = make_spec({"networks": ["alexnet"], "cpu_clocks": ["102", "high"], "inference_cpus": [0]})
    as_file = make_spec({"networks": ["alexnet"], "cpu_clocks": [102, "high"], "inference_cpus": [0]})
    assert as_flags == as_file


def test_each_rig_waits_in_its_own_way_unless_a_study_says_otherwise() -> None:
    waits = {rig: make_spec({"rig": rig}).inferences[0].wait for rig in ("host", "tx1-model")}
    assert waits == {"host": "spin", "tx1-model": "block"}


def test_a_network_says_how_it_is_launched_and_waited_for() -> None:
    keys = {"networks": ["alexnet", {"network": "alexnet", "graph": True, "wait": "spin"}], "wait": "block"}
    assert make_spec(keys).inferences == (
        Inference("alexnet", wait="block"),
        Inference("alexnet", graph=True, wait="spin"),
    )


def test_an_engine_runs_in_tensorrt_with_a_precision_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (first, second) = make_spec(
        {"networks": ["a.engine", {"network": "b.plan", "backend": "tensorrt-rtx"}], "batch": 4}
    ).inferences
    assert first == Inference(str(tmp_path / "a.engine"), "tensorrt", "", 4)
    assert second == Inference(str(tmp_path / "b.plan"), "tensorrt-rtx", "", 4)


def test_a_network_that_a_runtime_makes_itself_brings_its_runtime() -> None:
    found = make_spec({"networks": ["alexnet", "bandwidth", "spin-2ms"]}).inferences
    assert [inference.backend for inference in found] == ["auto", "bandwidth", "synthetic"]


def test_the_default_is_the_founding_studys_nine_pairs() -> None:
    spec = make_spec({})
    assert [i.network for i in spec.inferences] == ["alexnet", "googlenet", "resnet152"]
    assert [s.name for s in spec.tasks] == ["bitcount", "jpeg", "stringsearch"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"networks": ["googlnet"]}, "unknown network 'googlnet'; did you mean 'googlenet'"),
        ({"networks": ["bandwith"]}, "unknown network 'bandwith'; did you mean 'bandwidth'"),
        ({"networks": ["spin-1ms"], "inputs": {"x": 1.0}}, "'spin-1ms' is fed nothing: --shape and --input are for"),
        ({"networks": ["alexnet"], "backend": "bandwidth"}, "bandwidth cannot run 'alexnet', as it makes its"),
        ({"networks": []}, "networks: name at least one"),
        ({"networks": ["alexnet", "alexnet"]}, "named twice"),
        ({"networks": [{"network": "alexnet", "bach": 2}]}, "networks.0.bach|bach"),
        ({"networks": ["spin-fast"], "backend": "synthetic", "batch": 0}, "batch"),
        ({"stressors": ["jpg"]}, "unknown stressor 'jpg'; did you mean 'jpeg'"),
        ({"widow": 3}, "unknown key 'widow'; did you mean 'window'"),
        ({"window": 0}, "window: .*at least 1e-06"),
        ({"networks": [{"network": "alexnet", "window": 0}]}, r"networks\.0\.window: .*at least 1e-06"),
        ({"networks": [{"network": "alexnet", "window": -1}]}, r"networks\.0\.window: .*at least 1e-06"),
        ({"window": float("nan")}, "window: .*finite"),
        ({"window": "long"}, "window: .*number"),
        ({"repeats": 0}, "repeats: .*1"),
        ({"period_ms": 0}, "period_ms: give a number of at least 0.001"),
        ({"period_ms": 1e9}, "period_ms: .*10000"),
        ({"confidence": 0.9}, "nothing to judge by"),
        ({"max_slowdown": 0.5}, "a ratio above 1"),
        ({"until": "done"}, "unknown until 'done'"),
        ({"budget": 30}, "budget: it does nothing without until"),
        ({"until": "decided", "slo_ms": 5, "budget": "soon"}, "'soon' is no length of time"),
        ({"repeats": 10**9}, "repeats: .*10000"),
        ({"window": 1e308}, "window: .*86400"),
        ({"window": "2"}, "window: .*number"),
        ({"window": True}, "window: .*number"),
        ({"seed": True}, "seed: give a whole number"),
        ({"inference_cpus": [0, 0]}, "inference_cpus: 0 is named twice"),
        ({"networks": ["alexnet", "alexnet"]}, "networks: alexnet, run in the same way, is named twice"),
        ({"inference_cpus": []}, "inference_cpus: name at least one"),
        ({"networks": [{"network": "alexnet", "batch": "x"}]}, r"networks\.0\.batch"),
        ({"networks": ["\0.onnx"]}, "unknown network"),
        ({"commands": {"x": 3}}, r"commands\.x"),
        ({"repeats": 2.5}, "repeats: give a whole number"),
        ({"cpu_clocks": ["native", "low"]}, "cpu_clocks: .*native alone"),
        ({"cpu_clocks": "high"}, "cpu_clocks: give a list, not 'high'"),
        ({"cpu_clocks": ["fast"]}, "'fast' is neither MHz"),
        ({"gpu_clocks": [-1]}, "gpu_clocks"),
        ({"placement": ["besides"]}, "unknown placement"),
        ({"rig": "hots"}, "did you mean 'host'"),
        ({"commands": {"x": "ffmpeg 'a"}}, "No closing quotation"),
        ({"commands": {"x": "  "}}, "the command is empty"),
        ({"commands": {"jpeg": "true"}}, "name of a built-in stressor"),
        ({"commands": {"none": "true"}}, "cannot name a task"),
        ({"model": {"contention": "strong"}}, r"model\.contention: .*number"),
        ({"model": 2}, "model: "),
        ({"model": {"a\nb": "x"}}, r"model\.a\\nb: "),
        ({"\n": 1}, r"unknown key '\\n'"),
        ({"cpu_clocks": [1e308]}, r"cpu_clocks\.0: give a number of at most 1e\+06"),
        ({"cpu_clocks": ["1e308"]}, "cpu_clocks: a clock is a positive number of MHz up to 1e.06, not 1e308"),
        ({"cpu_clocks": ["9" * 4000]}, "cpu_clocks: a clock is a positive number of MHz"),
        ({"seed": 10**4000}, "seed: give a number less than"),
        ({"max_start_temp": True}, "max_start_temp: give a number"),
        ({"max_start_temp": "50"}, "max_start_temp: give a number"),
        ({"percentile": True}, "percentile: give a text or a number, not true"),
        ({"inputs": {"x": True}}, "inputs.x: give a text or a number, not true"),
        ({"commands": {"a": {"command": "b", "copies": True}}}, "commands.a.copies: give a whole number or a text"),
        ({"slo_ms": -5}, "slo_ms: the latency limit must be above 0, not -5"),
        ({"max_work_loss": 2}, "max_work_loss: the largest work loss must be a share between 0 and 1.*, not 2"),
        ({"slo_ms": float("inf")}, "slo_ms: give a finite number, not inf"),
        ({"confidence": float("nan")}, "confidence: give a finite number, not nan"),
        ({"wait": ""}, "unknown wait ''"),
        ({"networks": [{"network": "alexnet", "backend": ""}]}, "unknown backend ''"),
        ({"networks": [{"network": "alexnet", "precision": ""}]}, "unknown precision ''"),
        ({"commands": {"a": "b"}, "stressors": ["a", "a"]}, "stressors: a is named twice"),
        ({"containment": [f"quota={'9' * 4000}%"]}, "more than 8192 CPUs"),
        (
            {"networks": ["a.engine"], "precision": "fp16"},
            r"^precision: engine a\.engine has its own; set it for",
        ),
        (
            {"networks": ["a.engine"], "backend": "onnxruntime"},
            r"^onnxruntime cannot run a\.engine: .*in TensorRT",
        ),
        ({"networks": ["a.engine"], "backend": "caffe"}, r"^caffe cannot run a\.engine: .*give the \.onnx file"),
    ],
)
def test_what_is_wrong_is_named(keys: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said) as caught:
        make_spec(keys)
    assert "\n" not in str(caught.value)


def test_a_models_assumptions_belong_to_the_study_and_a_machine_has_none() -> None:
    spec = make_spec({"rig": "tx1-model", "model": {"contention": 2}})
    assert spec.model == (("contention", 2.0),)
    rig = make_rig(spec.rig, dict(spec.model))
    assert rig.facts() != make_rig(spec.rig).facts()
    with pytest.raises(SpecError, match="'contenton' cannot be set; did you mean 'contention'"):
        make_rig("tx1-model", {"contenton": 2.0})
    with pytest.raises(SpecError, match="rig 'host' has no constants to set"):
        make_rig("host", {"contention": 2.0})


def test_a_study_keeps_its_keys_as_they_were_written() -> None:
    keys = {"networks": ["alexnet"], "cpu_clocks": ["921.6"], "budget": "1.5h", "until": "decided", "slo_ms": 30}
    study = make_study(keys)
    assert (study.keys, study.spec) == (keys, make_spec(keys))


@given(
    st.dictionaries(
        st.sampled_from(sorted(StudyKeys.__dataclass_fields__)) | st.text(max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=5,
        ),
        max_size=4,
    )
)
def test_no_request_is_met_with_anything_but_a_spec_or_a_spec_error(keys: dict[str, object]) -> None:
    try:
        make_spec(keys)
    except SpecError as error:
        assert "\n" not in str(error)


def test_a_key_that_is_like_no_other_is_answered_with_where_all_are() -> None:
    with pytest.raises(SpecError, match=r"unknown key 'out'; docs/reference\.md lists all keys$"):
        make_spec({"out": "x"})


def test_the_workers_python_is_a_path_from_any_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    for path, meant in (
        ("/usr/bin/python3.8", "/usr/bin/python3.8"),
        ("bin/python", f"{tmp_path}/bin/python"),
        ("~/bin/python", "/home/someone/bin/python"),
    ):
        assert make_spec({"worker_python": path}).workers.python == meant
    for path in ("", " ", "a\0b", "~no-such-user/bin/python"):
        with pytest.raises(SpecError, match=r"^worker_python: .* is no path"):
            make_spec({"worker_python": path})
