from pathlib import Path

import pytest

from kling_ui.puppet.rig.character import Character, find_character


@pytest.fixture(scope="session")
def character(person_png: Path) -> Character:
    """The drawn person as the puppet's maker sees it, 270 x 480."""
    return find_character(person_png, sides_px=(480, 480))
