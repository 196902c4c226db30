"""The threads that read poses: each loads its models once and keeps them for the life of the process."""

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Barrier

from kling_ui.vision.people import load_finders
from kling_ui.vision.pose_graph import load_library

_THREADS = 2  # the models leave Python's lock alone, so two keep two cores busy beside the decoder


@lru_cache(maxsize=1)
def readers() -> ThreadPoolExecutor:
    """Give the pool; what it runs may use the models."""
    load_library()
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="pose")


def load_readers() -> None:
    """Load the models in all of the threads; about a second each."""
    barrier = Barrier(_THREADS)

    def load() -> None:
        barrier.wait()  # so that every thread gets one
        load_finders()

    for done in [readers().submit(load) for _ in range(_THREADS)]:
        done.result()
