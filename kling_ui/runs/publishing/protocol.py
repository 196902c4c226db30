"""From a local file to an address that an engine can fetch: what is promised, and the choice of the way.

The publishers themselves stand in the modules beside this one. Each file takes the first one that fits, before anything
is sent, so that a file that cannot travel costs nothing.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from kling_ui.errors import KlingUIError, MediaError
from kling_ui.languages import Told, say_all
from kling_ui.options import InputKind
from kling_ui.runs.record import RunState

if TYPE_CHECKING:  # what judges pictures takes long to load
    from kling_ui.checks.report import Severity

# While a run is here its engine may fetch the files, or fetch them again; nobody else does, and never later.
FETCHING = frozenset({RunState.SUBMITTING, RunState.IN_QUEUE, RunState.IN_PROGRESS, RunState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class InputFile:
    """One of a run's two files.

    Attributes:
        path: The copy kept with the run, in the run's own folder.
        url: A public address of exactly this file, when its visitor gave one.
    """

    path: Path
    url: str | None = field(default=None, repr=False)


class Channel(StrEnum):
    """How a file reaches an engine."""

    GIVEN_ADDRESS = "given address"  # of its visitor
    STORE = "store"  # a signed address in the S3 store
    APP_ADDRESS = "app address"  # a signed address of this app
    INLINE = "inline"  # inside the request itself


@dataclass(frozen=True, slots=True)
class AddressFinding:
    """What is wrong with an address.

    Attributes:
        rule: Its id, such as ``address.expiry``.
        severity: How much it matters; with a block an engine cannot use the address.
        measured: What was measured.
        message: One sentence that says what is wrong.
        advice: One sentence that says what to do.
    """

    rule: str
    severity: "Severity"
    measured: float | int | str | None
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one file travels.

    Attributes:
        channel: Which way.
        host: Of the address, if it goes by one.
        hours: For how long that address works at most; 0 where nobody here knows.
        findings: What a person should know about the address.
    """

    channel: Channel
    host: str = ""
    hours: int = 0
    findings: tuple[AddressFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class Deliveries:
    """How both files of a run travel.

    Attributes:
        image: The character image.
        video: The reference video.
        refusals: Why better ways were not taken: the messages of their errors.
    """

    image: Delivery
    video: Delivery
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedDeliveries:
    """How both files of a run would travel: of each the first way that works when it is sent.

    Attributes:
        image: The ways of the character image, the one that is tried first in front; empty where nothing leaves.
        video: Those of the reference video.
    """

    image: tuple[Delivery, ...] = ()
    video: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file, ready to be fetched.

    Attributes:
        url: Its address; it may open the file to whoever reads it, so it is never shown or written down.
        delivery: How the file travels.
    """

    url: str = field(repr=False)
    delivery: Delivery


class NoPublisherError(KlingUIError):
    """A file cannot go this way; nothing has been sent."""


class Publisher(Protocol):
    """One way for a file to reach an engine."""

    async def publish(self, source: InputFile, role: InputKind) -> PublishedFile | None:
        """Make a file fetchable; ``None`` when this way has nothing to do with it.

        Raises:
            NoPublisherError: It cannot go this way; the message says why.
        """
        ...

    async def foresee(self, source: InputFile, role: InputKind) -> Delivery | None:
        """Tell how a file would travel, without sending or asking anything; ``None`` and errors as for publishing."""
        ...

    async def take_back(self, source: InputFile) -> None:
        """Take a file back, whoever lent it, even an earlier process; one that was not lent is no trouble.

        Never raises, and ends in bounded time.
        """
        ...


@dataclass(frozen=True, slots=True)
class PublishedInputs:
    """Where an engine finds the two files; the addresses may be secrets and are never written down.

    Attributes:
        image_url: Of the character image.
        video_url: Of the reference video.
        deliveries: How the files travel, when that is worth saying.
    """

    image_url: str = field(repr=False)
    video_url: str = field(repr=False)
    deliveries: Deliveries | None = None


class InputPublisher(Protocol):
    """Brings the files of a run to an engine."""

    async def publish(self, image: InputFile, video: InputFile) -> PublishedInputs:
        """Make both files fetchable.

        Raises:
            KlingUIError: There is no way for one of them; nothing has been sent.
        """
        ...

    async def foresee(self, image: InputFile, video: InputFile) -> PlannedDeliveries:
        """Tell how both files would travel, without sending or asking anything.

        Raises:
            KlingUIError: There is no way for one of them.
        """
        ...

    async def withdraw(self, image: InputFile, video: InputFile) -> None:
        """Take both files back once the engine no longer needs them; works in another process, too. Never raises."""
        ...


class PublisherChain:
    """Lends each file by the first way that fits.

    Args:
        publishers: The ways, the best first.
        remedy: What would open another way, in words, for the person who finds none.
    """

    def __init__(self, publishers: Sequence[Publisher], remedy: str) -> None:
        self._publishers = tuple(publishers)
        self._remedy = remedy
        self._withdrawing: set[asyncio.Task[None]] = set()

    async def publish(self, image: InputFile, video: InputFile) -> PublishedInputs:
        """Find a way for each file, and say which.

        Raises:
            NoPublisherError: There is none for one of them.
        """
        refusals: list[str] = []
        try:
            published_image = await self._publish(image, InputKind.IMAGE, refusals)
            published_video = await self._publish(video, InputKind.VIDEO, refusals)
        except BaseException:
            await self.withdraw(image, video)
            raise
        deliveries = Deliveries(published_image.delivery, published_video.delivery, tuple(dict.fromkeys(refusals)))
        return PublishedInputs(published_image.url, published_video.url, deliveries)

    async def foresee(self, image: InputFile, video: InputFile) -> PlannedDeliveries:
        """Tell which ways fit each file; whether an address can be fetched shows only when it is tried.

        Raises:
            NoPublisherError: None fits one of them.
        """
        return PlannedDeliveries(
            await self._foresee(image, InputKind.IMAGE), await self._foresee(video, InputKind.VIDEO)
        )

    async def withdraw(self, image: InputFile, video: InputFile) -> None:
        """Take both files back, whichever way they went; goes on by itself when the caller is cancelled."""
        withdrawing = asyncio.create_task(self._take_back(image, video))
        self._withdrawing.add(withdrawing)
        withdrawing.add_done_callback(self._withdrawing.discard)
        await asyncio.shield(withdrawing)

    async def aclose(self) -> None:
        """Wait until everything that was to be taken back has been."""
        if self._withdrawing:
            await asyncio.wait(self._withdrawing)

    async def _take_back(self, image: InputFile, video: InputFile) -> None:
        for publisher in self._publishers:
            await publisher.take_back(image)
            await publisher.take_back(video)

    async def _foresee(self, source: InputFile, role: InputKind) -> tuple[Delivery, ...]:
        ways: list[Delivery] = []
        refusals: list[str] = []
        for publisher in self._publishers:
            try:
                delivery = await publisher.foresee(source, role)
            except NoPublisherError as error:
                refusals.append(error.message)
            else:
                ways += [delivery] if delivery else []
        if not ways:
            raise NoPublisherError(
                say_all(Told("The {role} cannot reach RunComfy.", role=role), *refusals), advice=self._remedy
            )
        return tuple(ways)

    async def _publish(self, source: InputFile, role: InputKind, refusals: list[str]) -> PublishedFile:
        start = len(refusals)
        for publisher in self._publishers:
            try:
                published_file = await publisher.publish(source, role)
            except NoPublisherError as error:
                refusals.append(error.message)
            else:
                if published_file is not None:
                    return published_file
        message = say_all(Told("The {role} cannot reach RunComfy. Nothing was sent.", role=role), *refusals[start:])
        raise NoPublisherError(message, advice=self._remedy)


class CleanCopyPublisher:
    """Publishes files without their metadata: neither places nor devices nor names leave with the pixels.

    The copy lies beside the original until it is taken back.

    Args:
        publisher: Publishes the copy.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish(self, source: InputFile, role: InputKind) -> PublishedFile | None:
        """Copy the file without its metadata, and publish that.

        Raises:
            NoPublisherError: It cannot be copied, or cannot go this way.
        """
        copy = _clean_copy(source)
        try:
            await asyncio.to_thread(_copy_once, source.path, copy.path)
        except MediaError as error:
            raise NoPublisherError(
                Told("The {role} cannot be copied without its metadata: {reason}", role=role, reason=error.reason)
            ) from None
        return await self._publisher.publish(copy, role)

    async def foresee(self, source: InputFile, role: InputKind) -> Delivery | None:
        """Tell how the copy would travel; it is of the same kind, and hardly larger."""
        return await self._publisher.foresee(source, role)

    async def take_back(self, source: InputFile) -> None:
        """Take the copy back, and the file itself: earlier versions published that."""
        copy = _clean_copy(source)
        await self._publisher.take_back(source)
        await self._publisher.take_back(copy)
        with suppress(OSError):
            await asyncio.to_thread(copy.path.unlink, missing_ok=True)


def _clean_copy(source: InputFile) -> InputFile:
    return InputFile(source.path.with_name(f"{source.path.stem}-sent{source.path.suffix}"))


def _copy_once(path: Path, copy: Path) -> None:
    from kling_ui.media.metadata import copy_without_metadata  # noqa: PLC0415  loads codecs, only where used

    if not copy.is_file():  # the way before this one has made it
        copy_without_metadata(path, copy)


class LocalFileService(Protocol):
    """A service in this very process that reads local files."""

    def offer(self, path: Path) -> str:
        """Take a file and return the path of an address that only the service understands."""
        ...

    def withdraw(self, address: str) -> None:
        """Forget such an address."""
        ...


class EmbeddedPublisher:
    """Hands local files to a service in this very process; nothing leaves it.

    Args:
        service: Reads them.
        origin: Its scheme and host.
    """

    def __init__(self, service: LocalFileService, origin: str) -> None:
        self._service = service
        self._origin = origin
        self._addresses: dict[Path, str] = {}

    async def publish(self, image: InputFile, video: InputFile) -> PublishedInputs:
        """Offer both files."""
        await self.withdraw(image, video)
        return PublishedInputs(self._offer(image.path), self._offer(video.path))

    async def foresee(self, image: InputFile, video: InputFile) -> PlannedDeliveries:  # noqa: ARG002  all are asked alike
        """Tell that nothing leaves this process."""
        return PlannedDeliveries()

    async def withdraw(self, image: InputFile, video: InputFile) -> None:
        """Take both offers back."""
        for source in (image, video):
            if address := self._addresses.pop(source.path, None):
                self._service.withdraw(address)

    def _offer(self, path: Path) -> str:
        address = self._addresses[path] = self._service.offer(path)
        return self._origin + address
