"""Starts the page: ``python app.py``, ``uv run app.py``, or a Hugging Face Space made from this repository.

It imports nothing of the app before it has made sure that all of it is there.
"""

import gc
import importlib
import importlib.util
import site
import subprocess
import sys
from pathlib import Path

NO_DEPS = Path(__file__).with_name("requirements-no-deps.txt")


def main() -> int:
    """Start the page; see :func:`kling_ui.ui.web.server.main`."""
    from kling_ui.interrupts import guard_process  # noqa: PLC0415

    guard_process()  # the rest takes a moment, in which Ctrl+C may come
    gc.disable()  # until the server runs: see settle_garbage_collector there
    if not bring_pose_models():
        return 1
    from kling_ui.ui.web.server import main as serve_page  # noqa: PLC0415

    return serve_page()


def bring_pose_models() -> bool:
    """Have pip install mediapipe where ``requirements.txt`` alone was installed; tell whether it is there.

    mediapipe names packages that are never used here, a second OpenCV and 0.6 GB of jax among them. pip takes
    ``--no-deps`` for all packages of a call or for none, so mediapipe needs a call of its own, and a Space grants
    only one before its start. The wheel is known by its hash. uv leaves those packages out by itself.
    """
    if importlib.util.find_spec("mediapipe") is not None:
        return True
    sys.stderr.write("Installing the pose models (mediapipe, 36 MB), once.\n")
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "-r", str(NO_DEPS)]
    if subprocess.run(command, check=False).returncode != 0:  # noqa: S603  nothing in it comes from outside
        sys.stderr.write(
            f"That needs the network. It can be done beforehand: pip install --no-deps -r {NO_DEPS.name}\n"
        )
        return False
    if site.ENABLE_USER_SITE:  # pip goes there where it may not write beside Python, and may just have made it
        site.addsitedir(site.getusersitepackages())
    importlib.invalidate_caches()
    return True


if __name__ == "__main__":
    sys.exit(main())
