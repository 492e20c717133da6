"""What the page carries: all of its scripts and no other, and a policy that names just these."""

from __future__ import annotations

from pathlib import Path

import colocate.report.page
from colocate.report.page.assets import page_script, policy, style

FOLDER = Path(colocate.report.page.__file__).parent


def test_every_script_is_carried_once_in_a_scope_of_its_own() -> None:
    script = page_script()
    files = sorted((FOLDER / "scripts").glob("*.js"))
    assert len(files) > 1
    for path in files:
        assert script.count(path.read_text(encoding="utf-8")) == 1, path
    frame = len('"use strict";\n(() => {\n') + len("})();\n")
    assert len(script) == frame + sum(len(path.read_text(encoding="utf-8")) for path in files)
    assert script.startswith('"use strict";\n(() => {\n') and script.endswith("})();\n")


def test_main_starts_when_all_else_is_there() -> None:
    main = (FOLDER / "scripts" / "main.js").read_text(encoding="utf-8")
    assert page_script().removesuffix("})();\n").endswith(main)


def test_the_script_does_not_end_the_element_that_it_stands_in() -> None:
    assert "</script" not in page_script().lower()


def test_the_style_fetches_nothing_and_ends_no_element() -> None:
    assert style() == (FOLDER / "style.css").read_text(encoding="utf-8")
    assert all(word not in style().lower() for word in ("url(", "@import", "</style"))


def test_the_policy_names_the_script_by_its_hash() -> None:
    # The example of the standard (CSP 3, section 2.3.1).
    found = policy("alert('Hello, world.');")
    directives = dict(each.strip().split(" ", 1) for each in found.split(";"))
    assert directives["script-src"] == "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
    assert directives["default-src"] == directives["base-uri"] == directives["form-action"] == "'none'"
    assert "unsafe" not in directives["script-src"]
