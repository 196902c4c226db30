"""Memory of this process, as the kernel counts it.

``getrusage`` would not do: what it calls the peak of a new process begins with that of the one that started it.
"""

from pathlib import Path


def resident_mb() -> float:
    """Now, in MB of 2^20 bytes."""
    return _status_mb("VmRSS")


def peak_mb() -> float:
    """At most since the start, or since :func:`forget_peak`."""
    return _status_mb("VmHWM")


def forget_peak() -> None:
    """Begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def _status_mb(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))
