"""Looking at an input, and saying step by step what its place on the page shows."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from kling_ui.media.image import ImageFacts
from kling_ui.media.probe import VideoFacts
from kling_ui.options import InputKind
from kling_ui.presentation.findings import file_differences
from kling_ui.ui.browser_values import InputVersions
from kling_ui.ui.services import Services
from kling_ui.ui.views import input_slot as slot_view
from kling_ui.ui.views.input_slot import SlotValue
from kling_ui.vision.analysis import ImageAnalysis, VideoAnalysis

Facts = ImageFacts | VideoFacts
STEPS = 3  # received, its facts, all that was found


class InputAnalysis:
    """Looks at inputs for the page.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def steps(self, kind: InputKind, versions: InputVersions) -> AsyncIterator[SlotValue]:
        """Show an input, what is quick to know first.

        Raises:
            KlingUIError: It cannot be read.
        """
        signed_files, path = self._services().signed_files, versions.current.path
        carried = versions.to_value(signed_files)
        yield slot_view.received(signed_files, path) | carried
        facts = await self.facts(kind, path)
        carried |= await self._repaired(kind, versions, facts)
        yield slot_view.facts_of(signed_files, path, facts) | carried
        yield slot_view.analysis_value(signed_files, path, await self.analyse(kind, path)) | carried
        if kind is InputKind.VIDEO:
            self._services().runner.watch_ahead(path)

    async def whole(self, kind: InputKind, versions: InputVersions) -> SlotValue:
        """Show all that is known of an input at once.

        Raises:
            KlingUIError: It cannot be read.
        """
        *_, value = [value async for value in self.steps(kind, versions)]
        return value

    async def known(self, kind: InputKind, value: SlotValue) -> Any:
        """Give what an input's value says is known already: its look, its facts, or ``None``.

        Raises:
            KlingUIError: It cannot be read.
        """
        path = self._services().signed_files.open(value.get("ref"))
        if path is None or not value.get("facts"):
            return None
        return await (self.facts(kind, path) if value.get("busy") else self.analyse(kind, path))

    async def facts(self, kind: InputKind, path: Path) -> Facts:
        """Read what a file says of itself.

        Raises:
            KlingUIError: It cannot be read.
        """
        preflight = self._services().preflight
        return await (preflight.image_facts(path) if kind is InputKind.IMAGE else preflight.video_facts(path))

    async def analyse(self, kind: InputKind, path: Path) -> ImageAnalysis | VideoAnalysis:
        """Find all that there is to find in a file.

        Raises:
            KlingUIError: It cannot be read.
        """
        preflight = self._services().preflight
        return await (preflight.image(path) if kind is InputKind.IMAGE else preflight.video(path))

    async def _repaired(self, kind: InputKind, versions: InputVersions, facts: Facts) -> dict[str, Any]:
        if not versions.is_repaired:
            return {}
        before = await self.facts(kind, versions.original.path)
        return slot_view.repaired(self._services().signed_files, versions, file_differences(before, facts))
