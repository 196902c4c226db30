"""Precision and recall of every rule of the check, on drawn images, clips and pairs whose truth is known."""

import importlib
import sys
from pathlib import Path

ASSETS = Path(__file__).resolve().parents[2] / "assets"


def main(*options: str) -> None:
    """Draw all cases, judge them and print how often each rule is right; ``--help`` tells the options."""
    if str(ASSETS) not in sys.path:
        sys.path.append(str(ASSETS))  # the drawn figure; worker processes inherit it
    importlib.import_module("benchmarks.labelled.command").main(options)
