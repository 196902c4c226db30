import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from kling_ui.errors import KlingUIError
from kling_ui.preview.service import serve_preview

SERVE = """
import sys
from pathlib import Path
from pydantic import SecretStr
from kling_ui.preview.service import serve_preview

if __name__ == "__main__":
    serve_preview(Path(sys.argv[1]), port=0, token=SecretStr("right"), on_ready=lambda url: print(url, flush=True))
"""


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@pytest.mark.usefixtures("heeds_ctrl_c")
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end_and_leaves_nothing(tmp_path, ending):
    command = [sys.executable, "-c", SERVE, str(tmp_path / "jobs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        answer = httpx.get(f"{url}/v1/models", headers={"Authorization": "Bearer right"}, trust_env=False)
        refused = httpx.get(f"{url}/v1/models", trust_env=False)
        rebound = httpx.get(f"{url}/v1/models", headers={"Host": "evil.example"}, trust_env=False)
        process.send_signal(ending)
        _, complaints = process.communicate(timeout=20)
    assert (answer.status_code, refused.status_code, rebound.status_code) == (200, 401, 421)
    assert "server" not in answer.headers
    assert (process.returncode, complaints) == (0, "")
    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_port_in_use_is_said_plainly(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(KlingUIError, match="not possible to listen"):
        serve_preview(tmp_path, port=other.getsockname()[1])
