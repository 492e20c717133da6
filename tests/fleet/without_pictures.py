"""`python -m colocate` whose reports have no figures: these take longer than all else."""

from __future__ import annotations

from unittest.mock import patch

from colocate.__main__ import main

if __name__ == "__main__":
    with patch("colocate.report.write._figures", lambda *_: iter(())):
        main()
