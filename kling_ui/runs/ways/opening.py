"""The ways that the settings allow, in the order in which they are tried."""

from pathlib import Path

from kling_ui.runs.publish import FirstFit, Way
from kling_ui.runs.ways.given import GivenWay
from kling_ui.runs.ways.inline import InlineWay
from kling_ui.runs.ways.lending_key import kept_key
from kling_ui.runs.ways.public import PublicFiles, PublicWay
from kling_ui.runs.ways.stranger import Stranger
from kling_ui.settings import Settings

_ALWAYS = "Use a smaller file, or give the public https address of it."
_STORE = "KLING_UI_STORE_URL (an S3-compatible store)"
_PUBLIC = "KLING_UI_PUBLIC_URL (this app's own public address)"


def open_ways(settings: Settings, stranger: Stranger) -> FirstFit:
    """Open the ways of the settings; blocking, nothing is asked of the network.

    First the visitor's own address, because it costs nothing and nothing more is exposed; then the store, which is made
    for it; then this app, if it is public; last the request itself, which the vendor has not confirmed.

    Args:
        settings: What the product was told.
        stranger: Tries addresses.

    Raises:
        SettingsError: The data folder cannot be written to.
    """
    ways: list[Way] = [GivenWay(stranger)]
    if settings.store_url:
        from kling_ui.runs.ways.bucket import BucketWay, open_bucket  # noqa: PLC0415  only where there is a store

        key, store = kept_key(settings.data_dir), open_bucket(settings.store_url)
        ways.append(BucketWay(store, key, stranger, lend_hours=settings.lend_hours))
    if settings.outside_url:
        files = open_public_files(settings.data_dir)
        ways.append(PublicWay(files, settings.outside_url, stranger, lend_hours=settings.lend_hours))
    return FirstFit([*ways, InlineWay()], _remedy(settings))


def open_public_files(data_dir: Path) -> PublicFiles:
    """Open what signs and serves the inputs of runs; blocking.

    Raises:
        SettingsError: The data folder cannot be written to.
    """
    return PublicFiles(data_dir / "runs", kept_key(data_dir))


def _remedy(settings: Settings) -> str:
    unset = [name for name, value in ((_STORE, settings.store_url), (_PUBLIC, settings.outside_url)) if not value]
    return f"{_ALWAYS} Whoever runs this app can also set {' or '.join(unset)}." if unset else _ALWAYS
