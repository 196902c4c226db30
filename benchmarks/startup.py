"""Time from process start to the first answered page: this app against a bare Gradio page with one textbox.

The aim is a ratio of at most 1.2. Both are started in turn, so that a busy machine slows both.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5
BARE_PAGE = """
import gradio as gr
with gr.Blocks() as page:
    gr.Textbox()
page.launch(server_port={port}, quiet=True)
"""


def main() -> None:
    """Print the median time of each and the ratio of the medians."""
    bare, ours = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS + 1):
            port = _free_port()
            bare.append(_time_to_answer([sys.executable, "-c", BARE_PAGE.format(port=port)], port, folder))
            port = _free_port()
            ours.append(_time_to_answer([sys.executable, "app.py"], port, folder))
    bare, ours = bare[1:], ours[1:]  # the first round fills the disk cache
    print(f"bare page   median {statistics.median(bare):.2f} s of {ROUNDS}")
    print(f"this app    median {statistics.median(ours):.2f} s of {ROUNDS}")
    print(f"ratio       {statistics.median(ours) / statistics.median(bare):.2f} (aim: at most 1.20)")


def _time_to_answer(command: Sequence[str], port: int, folder: str) -> float:
    env = os.environ | {
        "KLING_UI_PORT": str(port),
        "KLING_UI_DATA_DIR": folder,
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    started = time.perf_counter()
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=quiet, stderr=quiet) as process:
        try:
            return _wait_for_page(port, started)
        finally:
            process.terminate()
            process.wait(15)


def _wait_for_page(port: int, started: float, timeout_s: float = 120) -> float:
    while time.perf_counter() - started < timeout_s:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/", timeout=30).status_code == httpx.codes.OK:
                return time.perf_counter() - started
        except httpx.TransportError:
            time.sleep(0.02)
    raise TimeoutError(f"no answer on port {port} within {timeout_s:.0f} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
