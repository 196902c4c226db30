import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from kling_ui.runs.engines import open_public_files
from kling_ui.ui.web import server

RUN_ID = "0123456789abcdef" * 2
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


class OneOpenRun:
    async def may_be_fetched(self, run_id):
        return run_id == RUN_ID


@pytest.fixture
def settings(services, monkeypatch):
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "GRADIO_RUN_HISTORY", "GRADIO_SSR_MODE"):
        monkeypatch.setenv(name, "")  # so that what the server sets is undone
    return replace(services.settings, public_url="https://demo.example")


def test_the_app_serves_the_inputs_of_open_runs_by_signed_addresses(settings, services):
    @asynccontextmanager
    async def opening(*_):
        yield replace(services, runner=OneOpenRun())

    image = settings.data_dir / "runs" / RUN_ID / "image.png"
    image.parent.mkdir(parents=True)
    image.write_bytes(PNG)
    url = open_public_files(settings.data_dir).sign(image, int(time.time()) + 60)
    with TestClient(server.build_app(settings, opening), base_url="https://demo.example") as client:
        answer = client.get(url, headers={"Range": "bytes=1-3"})
        assert (answer.status_code, answer.content) == (206, b"PNG")
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert client.head(url).status_code == 200
        assert client.get(url.replace("signature=", "signature=x")).status_code == 404
        assert client.get(f"/lent/{RUN_ID}/image.png").status_code == 404
