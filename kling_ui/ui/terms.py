"""On what terms a visitor of the page may run something, by the settings and by who they are."""

from kling_ui.runs.terms import Terms
from kling_ui.settings import Settings
from kling_ui.ui.visitors import Visitor


def terms_of(settings: Settings, who: Visitor) -> Terms:
    """Say what is granted to a visitor.

    Args:
        settings: As the server was started.
        who: The visitor.
    """
    return Terms(
        address=who.address if settings.is_public else "",
        previews_max=settings.limits.previews_each,
    )
