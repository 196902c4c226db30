"""What is put together is taken apart again, and the runs of this machine's owner have one owner."""

import asyncio
import stat

import pytest

from kling_ui.composition import open_parts, owner_id
from kling_ui.errors import SettingsError, WorkCancelledError
from kling_ui.settings import Settings


def test_workers_end_with_what_uses_them_also_when_that_fails(tmp_path):
    async def fail():
        async with open_parts(Settings(data_dir=tmp_path, workers=1)) as parts:
            kept.append(parts)
            assert await parts.workers.run(abs, -3) == 3
            raise ZeroDivisionError

    kept = []
    with pytest.raises(ZeroDivisionError):
        asyncio.run(fail())
    assert kept[0].preflight.folder == tmp_path / "looks", "the folder of earlier releases"
    with pytest.raises((RuntimeError, WorkCancelledError)):
        asyncio.run(kept[0].workers.run(abs, -3))


@pytest.mark.parametrize(("wanted", "count"), [(None, 3), (1, 1)])
def test_as_many_workers_as_the_settings_say_or_as_are_wanted(tmp_path, wanted, count):
    async def opened() -> int:
        async with open_parts(Settings(data_dir=tmp_path, workers=3), worker_count=wanted) as parts:
            return parts.workers.count

    assert asyncio.run(opened()) == count


def test_the_owner_stays_the_same_and_is_nobody_elses_to_read(tmp_path):
    first = owner_id(tmp_path / "data")
    assert owner_id(tmp_path / "data") == first
    assert owner_id(tmp_path / "other") != first
    assert len(first) >= 32
    (file,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="KLING_UI_DATA_DIR"):
        owner_id(tmp_path / "file" / "data")
