"""Starts the page: ``python app.py``, ``uv run app.py``, or a Hugging Face Space made from this repository.

Worker processes import this file again, so it imports nothing until it is asked to start.
"""

import sys


def main() -> int:
    """Start the page; see :func:`kling_ui.ui.web.server.main`."""
    from kling_ui.interrupts import guard_process  # noqa: PLC0415

    guard_process()  # the rest takes a moment, in which Ctrl+C may come
    from kling_ui.ui.web.server import main as serve_page  # noqa: PLC0415

    return serve_page()


if __name__ == "__main__":
    sys.exit(main())
