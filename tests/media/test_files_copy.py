import pytest

from kling_ui.errors import SettingsError
from kling_ui.media.files import copy_into


def test_a_video_is_put_under_a_free_name(tmp_path):
    video = tmp_path / "result.mp4"
    video.write_bytes(b"new")
    names = [copy_into(video, tmp_path, "a.mp4").name for _ in range(3)]
    assert names == ["a.mp4", "a-2.mp4", "a-3.mp4"]
    assert (tmp_path / "a-3.mp4").read_bytes() == b"new"
    with pytest.raises(SettingsError, match=r"cannot be written.*It is kept at .*result\.mp4"):
        copy_into(video, tmp_path / "nowhere", "a.mp4")
