"""Precision and recall of every rule of the check, on drawn images, clips and pairs whose truth is known."""

from benchmarks.labelled import command


def main(*options: str) -> None:
    """Draw all cases, judge them and print how often each rule is right; ``--help`` tells the options."""
    command.main(options)
