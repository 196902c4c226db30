"""Where the page's styles, scripts and examples lie: beside the package when installed, beside it in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]


def asset(name: str) -> Path:
    """Find an asset by its path below ``assets/``.

    Raises:
        FileNotFoundError: It is neither in the installed package nor in the checkout.
    """
    for folder in (_PACKAGE / "assets", _PACKAGE.parent / "assets"):
        if (path := folder / name).exists():
            return path
    raise FileNotFoundError(f"The asset {name} is missing from this installation.")
