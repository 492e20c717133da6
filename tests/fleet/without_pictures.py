"""`python -m colocate` whose figures are laid out and not drawn, which takes longer than all else."""

from __future__ import annotations

from unittest.mock import patch

from matplotlib.figure import Figure

from colocate.__main__ import main

if __name__ == "__main__":
    with patch.object(Figure, "savefig", lambda *_, **__: None):
        main()
