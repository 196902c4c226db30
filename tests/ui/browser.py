"""Finds the Chromium that the browser tests drive; ``python -m tests.ui.browser`` prints where it is."""

import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = (
    "No Chromium was found. Install one: `sudo apt-get install chromium`, or `uv run playwright install chromium`."
)


def find_chromium() -> str | None:
    """Give the path of the system's Chromium, or else of Playwright's own."""
    return next((path for name in NAMES if (path := shutil.which(name))), None) or _playwrights_own()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  only where no other is found

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


if __name__ == "__main__":
    print(find_chromium() or sys.exit(MISSING))  # noqa: T201
