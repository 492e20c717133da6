"""What was probably meant."""

from __future__ import annotations

from colocate.model.spelling import nearest, unknown


def test_the_nearest_word_is_named_or_else_all() -> None:
    assert (
        unknown("alexnett", ["alexnet", "vgg16"], "network") == "unknown network 'alexnett'; did you mean 'alexnet'?"
    )
    assert unknown("zzz", ["ab", "cd"], "word") == "unknown word 'zzz'; give one of ab, cd"


def test_of_what_is_like_nothing_there_is_no_nearest() -> None:
    assert (nearest("--slo", ["--slo-ms", "--seed"]), nearest("zzz", ["ab"])) == ("--slo-ms", None)
