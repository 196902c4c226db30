import pickle
from pathlib import Path

import pytest

from kling_ui import errors
from kling_ui.errors import APIStatusError, KlingUIError, MediaError, RateLimitError, RunTimeoutError


def test_a_media_error_names_the_file_and_the_way_out():
    error = MediaError("it is empty.", path=Path("folder/clip.mp4"), advice="Choose another.")
    assert str(error) == "clip.mp4: it is empty. Choose another."


def test_every_error_is_one_of_ours():
    found = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(found) > 10
    assert all(issubclass(error, KlingUIError) for error in found)


@pytest.mark.parametrize(
    "error",
    [
        KlingUIError("What.", advice="Do."),
        MediaError("what.", path=Path("a.png"), advice="Do."),
        APIStatusError("What.", status_code=404, error_code=404001, request_id="r", detail="d", advice="Do."),
        RateLimitError("Busy.", retry_after_s=2.0, status_code=429, advice="Do."),
        RunTimeoutError("Late.", request_id="r", advice="Do."),
    ],
)
def test_an_error_survives_the_way_between_processes(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
