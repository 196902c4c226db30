"""Jobs that wait, served in turn by owner: nobody's hundredth job comes before somebody else's first."""

from collections import OrderedDict, deque
from collections.abc import Iterator

from kling_ui.preview.job import Job


class WaitingLine:
    """Round robin over the owners who have waiting jobs; each owner's own jobs keep their order.

    An owner's turn lasts until the next job starts: whoever comes while a job runs goes before its owner's next one.
    Whoever comes later never passes those who wait already, apart from that, so that nobody waits for ever.
    """

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, deque[Job]] = OrderedDict()
        self._served: str | None = None  # whose turn it was last

    def __len__(self) -> int:
        return sum(map(len, self._jobs.values()))

    def __iter__(self) -> Iterator[Job]:
        """Give all jobs, owner by owner."""
        for jobs in self._jobs.values():
            yield from jobs

    def add(self, job: Job) -> None:
        """Let a job wait."""
        self._jobs.setdefault(job.owner, deque()).append(job)

    def remove(self, job: Job) -> None:
        """Take a job out.

        Raises:
            ValueError: It does not wait.
        """
        jobs = self._jobs.get(job.owner, deque())
        jobs.remove(job)
        if not jobs:
            del self._jobs[job.owner]

    def take(self) -> Job:
        """Take out the job that starts next.

        Raises:
            IndexError: Nothing waits.
        """
        owner = next(iter(self._owners()), None)
        if owner is None:
            raise IndexError("nothing waits")
        job = self._jobs[owner].popleft()
        self._end_turn()
        self._served = owner
        if not self._jobs[owner]:
            del self._jobs[owner]
        return job

    def position(self, job: Job) -> int:
        """Count the jobs that start before this one, unless more come.

        Raises:
            ValueError: It does not wait.
        """
        own = self._jobs.get(job.owner, deque()).index(job)
        before, is_earlier = own, True
        for owner in self._owners():
            if owner == job.owner:
                is_earlier = False
            else:
                before += min(len(self._jobs[owner]), own + is_earlier)
        return before

    def _owners(self) -> list[str]:
        """Give the owners in the order of their next turns."""
        others = [owner for owner in self._jobs if owner != self._served]
        return [*others, self._served] if self._served in self._jobs else others

    def _end_turn(self) -> None:
        if self._served in self._jobs:
            self._jobs.move_to_end(self._served)
