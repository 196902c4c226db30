"""Ctrl+C on the command line: from the first moment to the last it ends with 130 and without a traceback.

While a command works, Ctrl+C raises ``KeyboardInterrupt``, so that it can tidy up. Before and after, there is nothing
to tidy up: the process just ends. Only light modules are imported here, because this is what a command begins with.
"""

import logging
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
# At INFO and DEBUG they write whole addresses and headers: signed links of visitors and of results.
TALKATIVE = ("httpx", "httpcore")


def end_at_once(_number: int, _frame: FrameType | None) -> None:
    """End the process; nothing has begun yet, or all is done."""
    os._exit(INTERRUPTED)


def guard_process() -> None:
    """Let Ctrl+C end this process at once, outside of :func:`interruptible`; one that ignores it goes on to."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)


@contextmanager
def interruptible() -> Generator[None]:
    """Let Ctrl+C raise ``KeyboardInterrupt`` inside; does nothing in a process that is not guarded."""
    if signal.getsignal(signal.SIGINT) is not end_at_once:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, end_at_once)


def keep_addresses_out() -> None:
    """Let the libraries that make requests write warnings only, whatever level the log has."""
    for name in TALKATIVE:
        logger = logging.getLogger(name)
        logger.setLevel(max(logging.WARNING, logger.level))
