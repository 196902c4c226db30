"""A played OpenID provider for those who log in."""

import importlib.util
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from kling_ui.settings import SpaceLogin


@pytest.fixture(scope="session")
def played() -> Any:
    """The module of the played provider, see ``provider.py``."""
    return _load(Path(__file__).with_name("provider.py"))


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"ui_web_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def provider(played: Any) -> Iterator[Any]:
    """A provider that lets in whoever is set."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    opened = played.PlayedProvider(port)
    opened.start()
    yield opened
    opened.stop()


@pytest.fixture
def login(provider: Any, played: Any) -> SpaceLogin:
    """How visitors log in with that provider."""
    return SpaceLogin(played.SPACE, played.CLIENT_ID, SecretStr(played.CLIENT_SECRET), provider.url)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Where Chromium is; without one tests are skipped, saying why, but fail where CI counts."""
    browser = _load(Path(__file__).parents[1] / "browser.py")
    path = browser.find_chromium()
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(browser.MISSING)
    return path
