"""What a caller of the preview service tries with another's request; each try succeeds once its guard is removed."""

import pytest

from kling_ui.preview.service import _Service

MINE, STRANGERS = {"authorization": "Bearer mine"}, {"authorization": "Bearer strangers"}
GOOD = {"prompt": "p", "image_url": "data:image/png;base64,aQ==", "video_url": "data:video/mp4;base64,dg=="}
MODEL_PATH = "/v1/models/kling/kling-2-6/motion-control-standard"


async def _asks(house, request_id, method, what, headers):
    return (await house.http.request(method, f"/v1/requests/{request_id}/{what}", headers=headers)).is_success


async def follows_a_preview(house, request_id):
    return await _asks(house, request_id, "GET", "status", STRANGERS)


async def follows_a_preview_without_a_token(house, request_id):
    return await _asks(house, request_id, "GET", "status", {})


async def fetches_a_preview(house, request_id):
    return await _asks(house, request_id, "GET", "result", STRANGERS)


async def cancels_a_preview(house, request_id):
    return await _asks(house, request_id, "POST", "cancel", STRANGERS)


async def follows_a_preview_with_the_beginning_of_a_token(house, request_id):
    return await _asks(house, request_id, "GET", "status", {"authorization": "Bearer min"})


@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "guard removed"])
@pytest.mark.parametrize(
    "attack",
    [
        follows_a_preview,
        follows_a_preview_without_a_token,
        follows_a_preview_with_the_beginning_of_a_token,
        fetches_a_preview,
        cancels_a_preview,
    ],
)
def test_only_without_its_guard_the_service_gives_away_anothers_preview(in_house, monkeypatch, attack, is_guarded):
    if not is_guarded:
        monkeypatch.setattr(_Service, "_job", lambda self, request: self._queue.find(request.path_params["request_id"]))

    async def use(house):
        submitted = await house.http.post(MODEL_PATH, json=GOOD, headers=MINE)
        assert await attack(house, submitted.json()["request_id"]) is not is_guarded

    in_house(use)
