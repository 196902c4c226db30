"""A job that is done on another machine: its files travel by content through a store, everything else is pickled.

A job is a function of what its files contain. Its paths are replaced by references when it is packed:

- a file that exists is an input: the store keeps it by its SHA-256, the worker gets a copy of the same name;
- a folder is one to write to: the worker gets an empty one, and what is in it at the end travels back;
- a path of a file that is yet to be written is a name in such a folder; a file that is written over travels both ways.

So one job has one key, whoever asks for it: what was done once is found again, and doing it twice changes nothing.
"""

import asyncio
import functools
import hashlib
import io
import pickle
import shutil
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import obstore
from obstore.store import ObjectStore

from kling_ui.errors import WorkError

FILES, ANSWERS = "work/files", "work/answers"
Call = Callable[[], object]
Reference = tuple[str, int, str]  # input or output, the number of the file or folder, the path in it


class MissingFileError(Exception):
    """The store has not, or no longer, what a job needs; it is to be uploaded again."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of a job.

    Attributes:
        sha256: Of its bytes, in hexadecimal digits.
        name: What it is called, without folders.
        size_bytes: Its size.
    """

    sha256: str
    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SentJob:
    """A job as it travels.

    Attributes:
        call: The pickled call; paths are references.
        inputs: Its files, in the order of the references.
        folder_count: How many folders it may write to.
        timeout_s: How long it may take from when it begins, in seconds; ``None`` sets no limit.
        memory_mb: Memory that it may take, in MB of 2^20 bytes; 0 sets no limit.
        progress: The folder and the name of the file in which it tells how far it is, if it does.
        program: Of whoever packed it, see :func:`program_hash`; a worker with another one refuses the job.
    """

    call: bytes
    inputs: tuple[SentFile, ...]
    folder_count: int
    timeout_s: float | None
    memory_mb: int
    progress: tuple[int, str] | None = None
    program: str = field(default_factory=lambda: program_hash())  # noqa: PLW0108  it is defined below

    @property
    def key(self) -> str:
        """What the answer is kept under: the same for the same call on the same bytes by the same program."""
        parts = [self.program.encode(), self.call, *(file.sha256.encode() for file in self.inputs)]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


@dataclass(frozen=True, slots=True)
class JobAnswer:
    """What came of a job.

    Attributes:
        value: Pickled: what it gave, or the error that it raised; paths are references.
        is_error: It is an error.
        outputs: What it wrote: the reference of the place, and the file. An input that it wrote over is among them.
    """

    value: bytes
    is_error: bool
    outputs: tuple[tuple[Reference, SentFile], ...] = ()


@dataclass(slots=True)
class PackedJob:
    """A job with the places of this machine that its references stand for.

    Attributes:
        sent: What travels.
        inputs: The files, in the order of the references.
        folders: The folders that it may write to.
        progress: Where it tells how far it is, if it does.
    """

    sent: SentJob
    inputs: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    progress: Path | None = None

    @classmethod
    def pack(
        cls, call: Call, *, timeout_s: float | None = None, memory_mb: int = 0, progress: Path | None = None
    ) -> "PackedJob":
        """Pack a call; its files are read once, for their SHA-256.

        Raises:
            OSError: A file cannot be read.
        """
        buffer = io.BytesIO()
        packer = _Packer(buffer, [], [], written=progress)
        packer.dump(call)
        inputs = tuple(_sent(path) for path in packer.inputs)
        place = None if progress is None else (_index(packer.folders, progress.parent), progress.name)
        sent = SentJob(buffer.getvalue(), inputs, len(packer.folders), timeout_s, memory_mb, place)
        return cls(sent, packer.inputs, packer.folders, progress)

    async def upload(self, store: ObjectStore) -> int:
        """Put into the store what it has not yet; returns how many bytes that were.

        Raises:
            BaseError: The store cannot be used.
            OSError: A file cannot be read.
        """
        return sum([await _put(store, file, path) for file, path in zip(self.sent.inputs, self.inputs, strict=True)])

    async def unpack(self, store: ObjectStore, answer: JobAnswer) -> tuple[object, int]:
        """Put the written files where they belong, each whole or not at all, and give what came of the job.

        Returns:
            The value, or the error as an object; and how many bytes were fetched.

        Raises:
            MissingFileError: The store no longer has a file.
            WorkError: The answer names a file outside the job's folders.
        """
        fetched = 0
        places = {"input": self.inputs, "output": self.folders}
        for (kind, number, inside), file in answer.outputs:
            relative = PurePosixPath(inside)
            if relative.is_absolute() or ".." in relative.parts:
                raise WorkError("A worker answered with a file in a place that is not its own.")
            await _get(store, file, places[kind][number] / relative)
            fetched += file.size_bytes
        return _Unpacker(io.BytesIO(answer.value), self.inputs, self.folders).load(), fetched


@functools.cache
def program_hash() -> str:
    """Give the SHA-256 of all code of this package: what another one found may be something else."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


async def find_answer(store: ObjectStore, job: SentJob) -> JobAnswer | None:
    """Look whether a job was done before, and its answer with all of its files is still there.

    Raises:
        BaseError: The store cannot be used.
    """
    try:
        kept = await (await obstore.get_async(store, f"{ANSWERS}/{job.key}")).bytes_async()
        answer: JobAnswer = pickle.loads(bytes(kept))  # noqa: S301  our own
        for _, file in answer.outputs:
            await obstore.head_async(store, f"{FILES}/{file.sha256}")
    except FileNotFoundError:
        return None
    return answer


async def fetch_inputs(store: ObjectStore, job: SentJob, spool: Path) -> list[Path]:
    """Give copies of a job's files on this machine; what is in the spool already is not fetched again.

    Raises:
        MissingFileError: The store has not all of them.
        BaseError: The store cannot be used.
    """
    paths = [spool / file.sha256 / file.name for file in job.inputs]
    for file, path in zip(job.inputs, paths, strict=True):
        if path.is_file():
            path.parent.touch()
        else:
            await _get(store, file, path)
    return paths


async def keep_answer(
    store: ObjectStore, job: SentJob, answer: JobAnswer, folders: Sequence[Path], changed: Mapping[int, Path]
) -> JobAnswer:
    """Upload what a job wrote, then its answer, so that whoever finds the answer finds the files.

    Args:
        store: Where to.
        job: The job.
        answer: What came of it, without its files; no error, because the next try may do better.
        folders: Those that it wrote to.
        changed: Inputs that it wrote over, by their number.

    Raises:
        BaseError: The store cannot be used.
    """
    outputs: list[tuple[Reference, Path]] = [(("input", number, ""), path) for number, path in changed.items()]
    for number, folder in enumerate(folders):
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            inside = path.relative_to(folder).as_posix()
            if (number, inside) != job.progress:
                outputs.append((("output", number, inside), path))
    sent = [(place, await asyncio.to_thread(_sent, path), path) for place, path in outputs]
    for _, file, path in sent:
        await _put(store, file, path)
    whole = JobAnswer(answer.value, is_error=False, outputs=tuple((place, file) for place, file, _ in sent))
    await obstore.put_async(store, f"{ANSWERS}/{job.key}", pickle.dumps(whole))
    return whole


def perform(call: bytes, inputs: list[Path], folders: list[Path]) -> JobAnswer:
    """Do a job in the process that may be ended for it; what it raises is raised here.

    Args:
        call: As it was packed.
        inputs: Copies of its files.
        folders: Empty ones to write to.
    """
    work = _Unpacker(io.BytesIO(call), inputs, folders).load()
    return pack_value(work(), inputs, folders)


def pack_value(value: object, inputs: list[Path], folders: list[Path], *, is_error: bool = False) -> JobAnswer:
    """Pack what came of a job; paths of the worker become references."""
    buffer = io.BytesIO()
    _Packer(buffer, list(inputs), list(folders), is_fixed=True).dump(value)
    return JobAnswer(buffer.getvalue(), is_error=is_error)


async def sweep(store: ObjectStore, older_than: float) -> int:
    """Delete from the store what was put there before a moment; returns how many objects that were.

    Args:
        store: The store.
        older_than: In seconds since 1970.

    Raises:
        BaseError: The store cannot be used.
    """
    count = 0
    for folder in (ANSWERS, FILES):  # an answer goes before its files
        async for batch in obstore.list(store, folder):
            old = [meta["path"] for meta in batch if meta["last_modified"].timestamp() < older_than]
            if old:
                await obstore.delete_async(store, old)
            count += len(old)
    return count


class _Packer(pickle.Pickler):
    """Replaces paths by references.

    Args:
        buffer: Where to.
        inputs: Files that have a reference.
        folders: Folders that have one.
        written: A file that is written to, even where it exists.
        is_fixed: No path gets a new reference: one that is neither of an input nor in a folder stays as it is.
    """

    def __init__(
        self,
        buffer: io.BytesIO,
        inputs: list[Path],
        folders: list[Path],
        *,
        written: Path | None = None,
        is_fixed: bool = False,
    ) -> None:
        super().__init__(buffer)
        self.inputs = inputs
        self.folders = folders
        self._written = written
        self._is_fixed = is_fixed

    def persistent_id(self, value: object) -> Reference | None:
        """Give the reference of a path, ``None`` for everything else."""
        if not isinstance(value, Path) or value == Path():
            return None
        return self._known(value) if self._is_fixed else self._new(value)

    def _known(self, path: Path) -> Reference | None:
        if path in self.inputs:
            return "input", self.inputs.index(path), ""
        for number, folder in enumerate(self.folders):
            if path.is_relative_to(folder):
                return "output", number, path.relative_to(folder).as_posix()
        return None

    def _new(self, path: Path) -> Reference | None:
        if path.is_file() and path != self._written:
            return "input", _index(self.inputs, path), ""
        if path.is_dir():
            return "output", _index(self.folders, path), "."
        if path.parent.is_dir():
            return "output", _index(self.folders, path.parent), path.name
        return None


class _Unpacker(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, inputs: Sequence[Path], folders: Sequence[Path]) -> None:
        super().__init__(buffer)
        self._places: Mapping[str, Sequence[Path]] = {"input": inputs, "output": folders}

    def persistent_load(self, pid: Reference) -> Path:
        """Give the path that a reference stands for here."""
        kind, number, inside = pid
        return self._places[kind][number] / inside


def _index(known: list[Path], path: Path) -> int:
    if path not in known:
        known.append(path)
    return known.index(path)


def _sent(path: Path) -> SentFile:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return SentFile(sha256, path.name, file.tell())


async def _put(store: ObjectStore, file: SentFile, path: Path) -> int:
    name = f"{FILES}/{file.sha256}"
    try:
        await obstore.head_async(store, name)
    except FileNotFoundError:
        await obstore.put_async(store, name, path)
        return file.size_bytes
    return 0


async def _get(store: ObjectStore, file: SentFile, path: Path) -> None:
    """Fetch a file; it appears under its name only whole, and only if its bytes are those that were asked for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent / f".{uuid.uuid4().hex}.part"
    digest = hashlib.sha256()
    try:
        answer = await obstore.get_async(store, f"{FILES}/{file.sha256}")
        with part.open("wb") as out:
            async for chunk in answer.stream():
                digest.update(chunk)
                out.write(chunk)
        if digest.hexdigest() != file.sha256:
            raise MissingFileError(file.sha256)
        part.replace(path)
    except FileNotFoundError:
        raise MissingFileError(file.sha256) from None
    finally:
        part.unlink(missing_ok=True)


def make_folders(count: int) -> tuple[Path, list[Path]]:
    """Make the empty folders of a job on this machine, in one that is to be removed afterwards."""
    room = Path(tempfile.mkdtemp(prefix="kling_ui-job-"))
    folders = [room / str(number) for number in range(count)]
    for folder in folders:
        folder.mkdir()
    return room, folders


def forget_spooled(spool: Path, older_than: float) -> None:
    """Remove copies of files that no job has needed since a moment, in seconds since 1970."""
    for folder in spool.iterdir():
        if folder.stat().st_mtime < older_than:
            shutil.rmtree(folder, ignore_errors=True)
