from datetime import UTC, datetime

import pytest

from kling_ui.api.models import Cancellation, Price, RequestResult, RequestState, RequestStatus, Submission
from kling_ui.errors import UnexpectedResponseError
from kling_ui.options import RigNote

URL = "https://v.runcomfy.net/a.mp4"


@pytest.mark.parametrize(
    ("extra", "position", "progress"),
    [
        pytest.param({"queue_position": 0}, 0, None, id="next"),
        pytest.param({"queue_position": 7.0}, 7, None, id="whole float"),
        pytest.param({}, None, None, id="not told"),
        pytest.param({"queue_position": None, "progress": None}, None, None, id="null"),
        pytest.param({"queue_position": "3"}, None, None, id="text"),
        pytest.param({"queue_position": -1}, None, None, id="negative"),
        pytest.param({"queue_position": True}, None, None, id="boolean"),
        pytest.param({"queue_position": [1]}, None, None, id="list"),
        pytest.param({"progress": 0.25}, None, 0.25, id="progress"),
        pytest.param({"progress": 25}, None, 1.0, id="more than all"),
        pytest.param({"progress": float("nan")}, None, None, id="not a number"),
    ],
)
def test_optional_parts_of_a_status_never_spoil_it(extra, position, progress):
    status = RequestStatus.from_json("r-1", {"status": "in_queue", **extra})
    assert (status.queue_position, status.progress) == (position, progress)


def test_only_a_queued_request_has_a_place():
    assert RequestStatus.from_json("r-1", {"status": "in_progress", "queue_position": 1}).queue_position is None


@pytest.mark.parametrize(
    ("output", "video_url"),
    [
        pytest.param({"video": URL}, URL, id="video"),
        pytest.param({"video": URL, "videos": ["https://other.example"]}, URL, id="video first"),
        pytest.param({"videos": [URL]}, URL, id="single entry"),
        pytest.param({"video": None, "videos": [URL]}, URL, id="video null"),
        pytest.param({"video": "", "videos": [URL]}, URL, id="video empty"),
        pytest.param({"videos": [URL, URL]}, None, id="two videos"),
        pytest.param({"videos": []}, None, id="no videos"),
        pytest.param({"videos": URL}, None, id="videos is text"),
        pytest.param({"videos": [None]}, None, id="null entry"),
        pytest.param({"video": {"url": URL}}, None, id="video is an object"),
        pytest.param({"image": URL}, None, id="image"),
        pytest.param({}, None, id="empty"),
        pytest.param(None, None, id="null"),
        pytest.param(URL, None, id="text"),
        pytest.param([URL], None, id="list"),
    ],
)
@pytest.mark.parametrize("word", ["succeeded", "completed"])
def test_the_usable_output(word, output, video_url):
    result = RequestResult.from_json("r-1", {"status": word, "output": output})
    assert (result.state, result.video_url) == (RequestState.COMPLETED, video_url)


@pytest.mark.parametrize(
    ("notes", "known"),
    [
        (["legs one", "hands hidden"], (RigNote.HANDS_HIDDEN, RigNote.LEGS_ONE)),
        (["something new", 3, None, ["legs one"]], ()),
        ("legs one", ()),
        (None, ()),
    ],
)
def test_only_notes_that_are_known_are_read(notes, known):
    assert RequestResult.from_json("r-1", {"status": "succeeded", "notes": notes}).notes == known


@pytest.mark.parametrize("word", ["in_queue", "in_progress", "failed", "cancelled", "unheard_of"])
def test_an_output_counts_only_when_completed(word):
    assert RequestResult.from_json("r-1", {"status": word, "output": {"video": URL}}).video_url is None


@pytest.mark.parametrize(
    ("error", "text", "kind"),
    [
        ({"type": "X", "message": "No complete upper body detected"}, "No complete upper body detected", "X"),
        ("Image recognition failed", "Image recognition failed", None),
        ({"code": 3}, '{"code": 3}', None),
        ({"message": 5}, '{"message": 5}', None),
        (["a"], '["a"]', None),
        ("fetch https://b.example/i.png?sig=1 failed", "fetch https://b.example/i.png?... failed", None),
        (None, None, None),
    ],
)
def test_errors_of_every_form(error, text, kind):
    result = RequestResult.from_json("r-1", {"status": "failed", "error": error})
    assert (result.state, result.error, result.error_type) == (RequestState.FAILED, text, kind)


def test_completed_with_an_error_and_no_output_is_a_failure():
    result = RequestResult.from_json("r-1", {"status": "completed", "error": "moderation"})
    assert (result.state, result.error) == (RequestState.FAILED, "moderation")


@pytest.mark.parametrize(
    ("value", "cost_usd"),
    [(0, 0.0), (0.35, 0.35), (-1, None), ("0.35", None), (True, None), (float("inf"), None), (10**400, None)],
)
def test_a_cost_is_a_number_or_unknown(value, cost_usd):
    assert RequestResult.from_json("r-1", {"status": "succeeded", "cost": value}).cost_usd == cost_usd


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T12:00:00.5+02:00", datetime(2026, 11, 22, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-22T10:00:00", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
        (1763805600, None),
        (None, None),
    ],
)
def test_times_are_utc_or_unknown(value, time):
    result = RequestResult.from_json("r-1", {"status": "succeeded", "created_at": value, "finished_at": value})
    assert (result.created_at, result.finished_at) == (time, time)


@pytest.mark.parametrize(
    ("data", "cancelled", "state"),
    [
        ({"status": "cancelled", "outcome": "cancelled"}, True, RequestState.CANCELLED),
        ({"status": "cancelled", "outcome": "not_cancellable"}, False, RequestState.CANCELLED),
        ({"status": "in_progress", "outcome": "not_cancellable"}, False, RequestState.IN_PROGRESS),
        ({"status": "completed", "outcome": "not_cancellable"}, False, RequestState.COMPLETED),
    ],
)
def test_cancellations(data, cancelled, state):
    cancellation = Cancellation.from_json("r-1", data)
    assert (cancellation.cancelled, cancellation.outcome, cancellation.state) == (cancelled, data["outcome"], state)


@pytest.mark.parametrize("outcome", [None, "maybe", 5, ["cancelled"], {}])
def test_a_cancellation_must_say_what_it_did(outcome):
    with pytest.raises(UnexpectedResponseError):
        Cancellation.from_json("r-1", {"status": "cancelled", "outcome": outcome})


@pytest.mark.parametrize(
    "data",
    [{}, {"base_price_usd": 0.07}, {"price_unit": "second"}, {"base_price_usd": None, "price_unit": "second"}],
)
def test_a_price_is_never_invented(data):
    with pytest.raises(UnexpectedResponseError):
        Price.from_json(data)


def test_a_free_model_has_a_price():
    data = {"base_price_usd": 0, "price_unit": "second", "pricing_note": "free"}
    assert Price.from_json(data) == Price(0.0, "second", "free")


@pytest.mark.parametrize("request_id", ["r", "A-z_0", "r" * 128])
def test_request_ids(request_id):
    assert Submission.from_json({"request_id": request_id}).request_id == request_id


@pytest.mark.parametrize(
    ("frame", "is_taken"),
    [
        ("data:image/jpeg;base64,/9j/4AAQ", True),
        ("data:image/jpeg;base64,/9j/4AA=", True),
        ("data:text/html;base64,/9j/4AAQ", False),
        ("https://example.com/frame.jpg", False),
        ("data:image/jpeg;base64,<svg>", False),
        ("data:image/jpeg;base64," + "A" * 200_000, False),
        (7, False),
        (None, False),
    ],
)
def test_only_a_small_picture_is_taken_for_what_was_drawn_last(frame, is_taken):
    status = RequestStatus.from_json("r-1", {"status": "in_progress", "frame": frame})
    assert status.frame == (frame if is_taken else None)
