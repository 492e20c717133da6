"""What the page carries in itself: its style, its scripts, and the policy that lets no other script run."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

# In this order, for each uses what stands before it; the last one starts.
_SCRIPTS = (
    "elements", "run", "verdicts", "choices", "limits", "address", "matrix", "answers", "cells", "axes", "charts",
    "main",
)  # fmt: skip


def style() -> str:
    """The style sheet."""
    return _asset("style.css")


def page_script() -> str:
    """All scripts of the page as one, in a scope of their own."""
    return "".join(('"use strict";\n(() => {\n', *(_asset(f"scripts/{name}.js") for name in _SCRIPTS), "})();\n"))


def policy(script: str) -> str:
    """A Content Security Policy: the page fetches nothing and runs no script but `script` (W3C CSP 3)."""
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{allowed}'; style-src 'unsafe-inline'; img-src data:; "
        f"base-uri 'none'; form-action 'none'"
    )


def _asset(name: str) -> str:
    return resources.files("colocate.report.page").joinpath(name).read_text(encoding="utf-8")
