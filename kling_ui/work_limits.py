"""How much memory and processor time one job may take in its worker process; the kernel keeps both limits.

Decoders are many, large and native, and a file may ask them for anything. Where the kernel has no such limits (Windows,
and for memory macOS), a job is bounded by its time alone.
"""

import errno
import math
import os
import re
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import resource

# What one job may take on top of what its worker holds already. Measured: 1.8 GB for a repair of the largest picture
# that is let in, 3.6 GB for writing a clip of 8K frames again; checks and previews take up to 1 GB.
MEMORY_MB = 4096
# Of processor time, for each second that a job may last: more are at work only in a file that sets many threads going.
CORES_EACH = 4
MEMORY_EXIT = 86  # how a worker ends that was refused memory
CPU_EXIT = -24  # SIGXCPU: how the kernel ends a worker
# What libraries say that raise no MemoryError: libavformat, OpenCV, Pillow.
_WORDS = re.compile(r"cannot allocate memory|insufficient memory|out of memory|bad_alloc", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """What one job may take.

    Attributes:
        memory_bytes: On top of what its worker holds already; ``None`` sets no limit.
        cpu_s: Processor time of all its threads, in seconds; ``None`` sets no limit.
    """

    memory_bytes: int | None = None
    cpu_s: float | None = None

    @classmethod
    def of(cls, memory_mb: int, timeout_s: float | None) -> "WorkLimits":
        """Make the limits of a job.

        Args:
            memory_mb: In MB of 2^20 bytes; 0 sets no limit.
            timeout_s: How long it may last, in seconds, if that is limited.
        """
        return cls(memory_mb * 2**20 or None, None if timeout_s is None else timeout_s * CORES_EACH)

    @contextmanager
    def kept(self) -> Generator[None]:
        """Keep the limits while the block runs; called in the worker."""
        if sys.platform == "win32":
            yield
            return
        with _soft_limit(resource.RLIMIT_DATA, _held_bytes(), self.memory_bytes):
            used = resource.getrusage(resource.RUSAGE_SELF)
            with _soft_limit(resource.RLIMIT_CPU, used.ru_utime + used.ru_stime, self.cpu_s):
                yield


def leave_no_core() -> None:
    """Have a process that crashes leave no image of its memory on the disk: people's pictures are in it."""
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error, or one that led to it, is about memory that was refused."""
    return any(
        isinstance(each, MemoryError) or getattr(each, "errno", None) == errno.ENOMEM or bool(_WORDS.search(str(each)))
        for each in _led_to(error)
    )


def _led_to(error: BaseException | None) -> Iterator[BaseException]:
    seen = set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


@contextmanager
def _soft_limit(kind: int, held: float | None, more: float | None) -> Generator[None]:
    """Lower a limit of the kernel's to what is held and a little more, for as long as the block runs."""
    if held is None or more is None:
        yield
        return
    before = resource.getrlimit(kind)
    wanted = math.ceil(held + more)
    most = [limit for limit in before if limit != resource.RLIM_INFINITY]
    resource.setrlimit(kind, (min([wanted, *most]), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def _held_bytes() -> int | None:
    """Memory of its own that this process has asked for, as the kernel counts it for the limit; ``None``: unknown."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
