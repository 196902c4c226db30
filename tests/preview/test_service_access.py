"""Who may ask for what."""

import pytest

MODEL_PATH = "/v1/models/kling/kling-2-6/motion-control-standard"
GOOD = {"prompt": "p", "image_url": "data:image/png;base64,aQ==", "video_url": "data:video/mp4;base64,dg=="}


def error_of(response):
    """Check the contract's error form; return status and code."""
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert isinstance(body["error_message"], str)
    assert body["error_message"]
    assert set(body) <= {"error_code", "error_message", "detail"}
    return response.status_code, body["error_code"]


GUARDED = [
    ("GET", "/v1/models"),
    ("GET", "/v1/models/categories"),
    ("GET", MODEL_PATH),
    ("POST", MODEL_PATH),
    ("GET", "/v1/requests/{id}/status"),
    ("GET", "/v1/requests/{id}/result"),
    ("POST", "/v1/requests/{id}/cancel"),
]


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic right", "right"])
def test_a_set_token_guards_every_route(in_house, method, path, header):
    async def use(house):
        headers = {} if header is None else {"authorization": header}
        response = await house.http.request(method, path.format(id="abc"), headers=headers)
        assert error_of(response) == (401, 400004)
        assert response.headers["www-authenticate"] == "Bearer"

    in_house(use, token="right")


@pytest.mark.parametrize("header", ["Bearer right", "bearer right", "Bearer  right"])
def test_the_right_token_opens(in_house, header):
    async def use(house):
        response = await house.http.get(MODEL_PATH, headers={"authorization": header})
        assert response.status_code == 200

    in_house(use, token="right")


def test_a_request_belongs_to_the_token_that_made_it(in_house):
    async def use(house):
        mine = {"authorization": "Bearer mine"}
        request_id = (await house.http.post(MODEL_PATH, json=GOOD, headers=mine)).json()["request_id"]
        for other in ({"authorization": "Bearer other"}, {}):
            for method, path in GUARDED[4:]:
                response = await house.http.request(method, path.format(id=request_id), headers=other)
                assert error_of(response) == (403, 403001)
        assert (await house.http.get(f"/v1/requests/{request_id}/status", headers=mine)).status_code == 200

    in_house(use)


def test_a_file_needs_no_token_but_its_name(in_house):
    async def use(house):
        mine = {"authorization": "Bearer right"}
        request_id = (await house.http.post(MODEL_PATH, json=GOOD, headers=mine)).json()["request_id"]
        await house.until(request_id, "succeeded")
        result = (await house.http.get(f"/v1/requests/{request_id}/result", headers=mine)).json()
        assert (await house.http.get(result["output"]["video"])).status_code == 200
        assert error_of(await house.http.get(f"/v1/files/{request_id}.mp4")) == (404, 404001)

    in_house(use, token="right")
