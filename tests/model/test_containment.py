from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.errors import SpecError
from colocate.model.containment import Containment, containment_words, group_shares, group_weight, parse_containment

KNOWN = st.builds(
    Containment,
    idle=st.just(False),
    weight=st.none() | st.integers(1, 10_000),
    quota_ratio=st.integers(1, 1600).map(lambda percent: percent / 100),
    quota_period_s=st.integers(100, 1000).map(lambda ms: ms * 1e-3),
    cpus=st.none() | st.integers(1, 256),
    fifo=st.booleans(),
) | st.builds(Containment, idle=st.just(True), cpus=st.none() | st.integers(1, 256))


@given(KNOWN)
def test_what_is_written_is_read_back(containment: Containment) -> None:
    assert parse_containment(containment.words) == containment


@pytest.mark.parametrize(
    ("text", "words"),
    [("none", "none"), (" idle + cpus=2", "idle+cpus=2"), ("fifo+idle", "idle+fifo"), ("quota=20%/100", "quota=20%")],
)
def test_each_has_one_way_to_be_written(text: str, words: str) -> None:
    assert containment_words(parse_containment(text)) == words


@pytest.mark.parametrize(
    "text",
    ["", "idel", "idle+idle", "idle+weight=5", "weight=0", "weight=10001", "cpus=0", "quota=0%", "quota=20",
     "quota=5%/10", "quota=20%/2000", "quota=nan%", "none+idle", "weight=1.5", "cpus=\u0663",
     "fifo=1", "fifo+fifo"],
)  # fmt: skip
def test_what_is_none_is_refused_with_the_value(text: str) -> None:
    with pytest.raises(SpecError, match="containment: "):
        parse_containment(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *((f"weight={value}", "weight is a whole number from 1 to 10000") for value in ("-1", "", "1.5", "99999999")),
        *((f"cpus={value}", "cpus is a whole number from 1 to 8192") for value in ("-1", "0", "all", "9" * 5000)),
        *((f"quota={value}", "a quota is written quota=20%, or quota=20%/10") for value in ("20", "-5%", "")),
        ("idle=1", "idle takes no value; write idle"),
        ("fifo=50", "fifo takes no value; write fifo"),
        ("nice=5", "is none that is known; write none, idle, weight=10"),
    ],
)
def test_what_is_nearly_one_is_refused_with_what_it_takes(text: str, said: str) -> None:
    with pytest.raises(SpecError, match="containment: ") as caught:
        parse_containment(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [("idle", ("idle",)), ("fifo+weight=1", ("weight", "fifo")), ("cpus=1+quota=20%", ("quota", "cpus"))],
)
def test_its_kinds_are_the_parts_that_bound(text: str, kinds: tuple[str, ...]) -> None:
    found = parse_containment(text)
    assert found is not None and found.kinds == kinds


@pytest.mark.parametrize(
    ("weight", "cpus", "group", "shares"),
    [(10, 1, 10, 102), (10, 3, 30, 307), (100, 200, 10_000, 204_800), (10_000, 8, 10_000, 262_144), (1, 1, 1, 10)],
)
def test_a_weight_is_spread_and_shares_go_further(weight: int, cpus: int, group: int, shares: int) -> None:
    assert (group_weight(weight, cpus), group_shares(weight, cpus)) == (group, shares)
