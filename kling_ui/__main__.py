"""``python -m kling_ui`` and the command ``kling-ui``."""

from kling_ui.interrupts import guard_process


def main() -> None:
    """Do what was typed."""
    guard_process()
    from kling_ui.cli import app  # noqa: PLC0415  takes a moment, in which Ctrl+C may come

    app()


if __name__ == "__main__":
    main()
