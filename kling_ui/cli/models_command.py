"""``kling-ui models``: which models of Kling Motion Control are offered, and at what price."""

from collections.abc import Callable

from kling_ui.cli.output import DONE, guarded, print_json, tell
from kling_ui.cli.parameters import AsJson


def models(*, as_json: AsJson = False) -> None:
    """List the models of Kling Motion Control that a run can go to, with their prices at this moment.

    What has changed in what a model takes is told, too.

    Exit code: 0 listed, 1 nobody tells, 2 there is no token or the command was used wrongly.
    """

    def load() -> Callable[[], int]:
        return lambda: _list(as_json=as_json)

    guarded(load, as_json=as_json)


def _list(*, as_json: bool) -> int:
    from kling_ui.presentation.offers import offer_json, offer_words  # noqa: PLC0415
    from kling_ui.python_api import models as offered  # noqa: PLC0415

    found = offered()
    if as_json:
        print_json({"models": [offer_json(offer) for offer in found]})
    else:
        for offer in found:
            tell(offer_words(offer))
    return DONE
