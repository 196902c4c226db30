"""Benchmarks: ratios measured side by side in one run, because machines differ and are shared."""

import sys
from pathlib import Path

_ASSETS = str(Path(__file__).resolve().parents[1] / "assets")
if _ASSETS not in sys.path:
    sys.path.append(_ASSETS)  # the drawn figure; worker processes inherit it
