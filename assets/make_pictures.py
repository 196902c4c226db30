"""Take the pictures of the documentation from the running app, so that they show what is there.

Run ``uv run assets/make_pictures.py`` (or ``make pictures``): it starts the app in an empty folder, drives it in
Chromium, and writes ``docs/pictures/*.webp``, ``assets/screenshot.png`` and ``assets/result.webp``, the moving picture
of the README. It takes two minutes and needs the development environment.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import httpx
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Locator, Page, ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from kling_ui.ui.examples import EXAMPLES, asset  # noqa: E402  likewise
from tests.ui.browser import find_chromium  # noqa: E402  it lies beside this folder

PICTURES = ROOT / "docs" / "pictures"
WIDE, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
TALL = ViewportSize(width=1440, height=1280)  # the whole of a result
LOOKS: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_QUIET = "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
SWITCHES = ["--no-sandbox", "--disable-sync", *_QUIET.split()]
SHOWN_WIDTH_PX = 1200  # of a wide page in the documentation
MOVING_S, MOVING_FPS, MOVING_WIDTH_PX = 4.0, 10, 760
START_TIMEOUT_S, RUN_TIMEOUT_MS = 60, 120_000


@contextmanager
def served(folder: Path) -> Generator[str]:
    """Start the app in an empty folder, give its address, and end it."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    env = os.environ | {"KLING_UI_PORT": str(port), "KLING_UI_DATA_DIR": str(folder)}
    address = f"http://127.0.0.1:{port}/"
    with subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as app:
        try:
            until = time.monotonic() + START_TIMEOUT_S
            while not _answers(f"{address}health"):
                if time.monotonic() > until or app.poll() is not None:
                    raise SystemExit("The app did not start.")
                time.sleep(0.2)
            yield address
        finally:
            app.terminate()
            app.wait(30)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address).is_success
    except httpx.TransportError:
        return False


def take_pictures(browser: Browser, address: str) -> None:
    """Go the way of a first visitor, once in each look."""
    small: FilePayload = {"name": "character.png", "mimeType": "image/png", "buffer": _small(EXAMPLES[0].image)}
    for look in LOOKS:
        page = _visitor(browser, address, look, WIDE)
        save(page.screenshot(), f"arrival-{look}")
        run_preview(page)
        page.set_viewport_size(TALL)
        page.wait_for_timeout(500)
        save(page.screenshot(), f"result-{look}")
        page.set_viewport_size(WIDE)
        if look == "light":
            _keep(page.screenshot(), ROOT / "assets" / "screenshot.png", WIDE["width"])
            film(page)
        page.context.close()
        page = _visitor(browser, address, look, WIDE)
        page.locator("#image-slot input[type=file]").set_input_files(files=[small])
        page.locator("[data-repair]").first.wait_for()
        page.wait_for_timeout(1500)
        page.locator("[data-repair]").first.scroll_into_view_if_needed()
        save(page.screenshot(), f"findings-{look}")
        page.context.close()
    page = _visitor(browser, address, "light", PHONE)
    save(page.screenshot(), "phone-light", PHONE["width"])
    page.context.close()


def _small(name: str) -> bytes:
    """A picture that is too small to be taken, so that there is something to repair."""
    held = BytesIO()
    with Image.open(asset(f"examples/{name}")) as picture:
        picture.resize((252, 448)).save(held, "PNG")
    return held.getvalue()


def _visitor(browser: Browser, address: str, look: Literal["light", "dark"], size: ViewportSize) -> Page:
    context = browser.new_context(viewport=size, color_scheme=look, reduced_motion="reduce")
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#run:not([disabled])", timeout=RUN_TIMEOUT_MS)
    page.wait_for_timeout(2000)  # until pictures and clips of the example are loaded
    return page


def run_preview(page: Page) -> None:
    """Press Run and wait for a scored result."""
    page.click("#run")
    page.locator("[data-link=download]").wait_for(timeout=RUN_TIMEOUT_MS)
    page.locator(".player-facts").get_by_text("Motion match").wait_for(timeout=RUN_TIMEOUT_MS)
    page.wait_for_timeout(1500)


def film(page: Page) -> None:
    """Step through the result and write what reference and result show as one moving picture."""
    panes, position = page.locator(".panes"), page.locator(".transport input[type=range]")
    frames = []
    for n in range(round(MOVING_S * MOVING_FPS)):
        _go_to(position, n / MOVING_FPS)
        page.wait_for_function(
            "[...document.querySelectorAll('.pane video')].every(video => !video.seeking && video.readyState > 1)"
        )
        page.wait_for_timeout(60)
        frames.append(_scaled(panes.screenshot(), MOVING_WIDTH_PX))
    options: dict[str, Any] = {"duration": round(1000 / MOVING_FPS), "loop": 0, "quality": 55, "method": 6}
    frames[0].save(ROOT / "assets" / "result.webp", save_all=True, append_images=frames[1:], **options)


def _go_to(position: Locator, time_s: float) -> None:
    position.evaluate(
        """(slider, time) => {
            slider.value = time / document.querySelector('[data-pane=result] video').duration;
            slider.dispatchEvent(new Event('input', {bubbles: true}));
            slider.dispatchEvent(new Event('change', {bubbles: true}));
        }""",
        time_s,
    )


def save(png: bytes, name: str, width_px: int = SHOWN_WIDTH_PX) -> None:
    """Write a picture of the documentation."""
    PICTURES.mkdir(exist_ok=True)
    _keep(png, PICTURES / f"{name}.webp", width_px)


def _keep(png: bytes, path: Path, width_px: int) -> None:
    picture = _scaled(png, width_px)
    if path.suffix == ".png":
        picture.quantize(200, dither=Image.Dither.NONE).save(path, optimize=True)
    else:
        picture.save(path, quality=80, method=6)


def _scaled(png: bytes, width_px: int) -> Image.Image:
    with Image.open(BytesIO(png)) as opened:
        picture = opened.convert("RGB")
    height_px = round(picture.height * width_px / picture.width)
    return picture if picture.width == width_px else picture.resize((width_px, height_px), Image.Resampling.LANCZOS)


def main() -> None:
    """Take them all."""
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=SWITCHES)
        take_pictures(browser, address)
        browser.close()


if __name__ == "__main__":
    main()
