"""``python -m kling_ui`` is ``kling-ui``."""

from kling_ui.cli import app

if __name__ == "__main__":
    app()
