"""What a reader of CUDA's errors is told to do."""

from __future__ import annotations

from colocate.worker.cuda.explanations import explained


def test_a_message_is_one_short_line_led_by_what_to_do() -> None:
    said = explained("CUDA failure 2:\n  out of memory ;  " + "expr " * 200)
    assert said.startswith("the GPU's memory is full: lower --batch")
    assert (
        "\n" not in said and "CUDA failure 2: out of memory ;" in said and said.endswith("...]") and len(said) < 500
    )
    assert explained("(fp16 is not configured in the builder)").endswith(
        "add --precision fp16 [(fp16 is not configured in the builder)]"
    )
    assert explained("what nobody\nforesaw") == "what nobody foresaw"
