"""Whose money a visitor's runs on Kling may cost: the one place that decides about the app's own token."""

import logging

from kling_ui.presentation.money import TokenHint
from kling_ui.runs.record import Terms
from kling_ui.settings import Settings, TokenFor
from kling_ui.ui.visitors import Visitor

UNKNOWN_PAYER = "unknown"  # all those together of whom neither an account nor an address is known
UNUSED = (
    "RUNCOMFY_API_TOKEN is set, but pays for nobody, because others can reach this app: KLING_UI_TOKEN_FOR says for "
    "whom it may (logged-in, everybody, or names of accounts), and KLING_UI_BUDGET_DAY_USD how much a day."
)

log = logging.getLogger(__name__)


def terms_of(settings: Settings, who: Visitor) -> Terms:
    """Tell on what terms a visitor may run something.

    Args:
        settings: For whom the app's token pays, and how much of it goes to one visitor.
        who: Who asks.
    """
    return Terms(
        app_token=may_use_app_token(settings, who),
        any_request=False,  # whoever asks on the page has no claim on what the app's account holds
        payer=(who.payer or UNKNOWN_PAYER) if settings.is_public else "",
        share_usd=settings.visitor_share_usd,
        address=who.address if settings.is_public else "",
        previews_max=settings.limits.previews_each,
    )


def may_use_app_token(settings: Settings, who: Visitor) -> bool:
    """Tell whether the app's own token pays for a visitor; an account is known by its verified username alone."""
    match settings.app_token_for:
        case TokenFor.EVERYBODY:
            return True
        case TokenFor.LOGGED_IN:
            return who.account is not None
        case TokenFor.LISTED:
            username = "" if who.account is None else who.account.username.lower()
            return username != "" and username in settings.token_accounts
        case _:
            return False


def token_hint(settings: Settings, who: Visitor) -> TokenHint | None:
    """Tell whose token a visitor's runs are paid with; ``None`` where the app has none."""
    if settings.token is None:
        return None
    if may_use_app_token(settings, who):
        return TokenHint.LEAVE_EMPTY
    if settings.app_token_for is not TokenFor.LISTED:
        return TokenHint.LOG_IN if settings.app_token_for is TokenFor.LOGGED_IN else TokenHint.BRING_YOURS
    if who.account is None:
        return TokenHint.LOG_IN_LISTED
    return TokenHint.NOT_LISTED if who.account.username else TokenHint.LOG_IN_AGAIN


def warn_of_unused_token(settings: Settings) -> None:
    """Say in the log that the app's token pays for nobody, which whoever set it may not expect."""
    if settings.token is not None and settings.app_token_for is TokenFor.NOBODY:
        log.warning(UNUSED)
