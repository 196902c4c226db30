"""Who a visitor is, and whose money their runs on Kling may cost: the one place that decides about the app's token."""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Self

from pydantic import SecretStr

from kling_ui.errors import RunError
from kling_ui.options import without_odd
from kling_ui.presentation.price_sentences import TokenHint
from kling_ui.runs.record import Terms
from kling_ui.settings import Settings, TokenFor, valid_token
from kling_ui.ui.web.client_address import SCOPE_KEY

if TYPE_CHECKING:
    import gradio as gr

SESSION_S = 7 * 86_400.0  # ours: whoever comes back after a week logs in again
SESSION_KEY = "account"
NAME_MAX_CHARS = 100
_VISITOR = re.compile(r"[A-Za-z0-9_-]{32,64}")
_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")  # others are equal to none that a setting lists
_SUBJECT = re.compile(r"[A-Za-z0-9._|-]{1,100}")
IDLE_S = 3600.0
WIPE_EVERY_S = 60.0
VISITORS_MAX = 10_000  # of at most 4 KiB each; the longest idle goes first
UNKNOWN_PAYER = "unknown"  # all those together of whom neither an account nor an address is known
UNUSED = (
    "RUNCOMFY_API_TOKEN is set, but pays for nobody, because others can reach this app: KLING_UI_TOKEN_FOR says for "
    "whom it may (logged-in, everybody, or names of accounts), and KLING_UI_BUDGET_DAY_USD how much a day."
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """Who has logged in, as the signed cookie says: nothing in it opens anything at the provider.

    Attributes:
        sub: The provider's id of the account, which never changes.
        name: What the account calls itself; anything at all may stand there.
        until: When the login ends, seconds since 1970.
        key: Of this one login, unguessable: another browser's login of the same account has another one.
        username: The name under which the provider knows the account, and no other one; empty when it told none, or
            when the login is from before it was kept.
    """

    sub: str
    name: str
    until: float
    key: str
    username: str = ""

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> Self:
        """Begin a login.

        Args:
            claims: What the provider says of the account.

        Raises:
            ValueError: It does not say whose it is.
        """
        sub = claims.get("sub")
        if not (isinstance(sub, str) and _SUBJECT.fullmatch(sub)):
            raise ValueError("The provider names no account.")
        name = without_odd(str(claims.get("preferred_username") or claims.get("name") or ""))[:NAME_MAX_CHARS]
        username = claims.get("preferred_username")
        known = username if isinstance(username, str) and _USERNAME.fullmatch(username) else ""
        return cls(sub, name, time.time() + SESSION_S, secrets.token_urlsafe(24), known)

    @classmethod
    def from_session(cls, session: Mapping[str, Any]) -> Self | None:
        """Read whose session it is, if somebody has logged in and the login has not ended."""
        kept = session.get(SESSION_KEY)
        if not isinstance(kept, dict) or kept.keys() | {"username"} != set(cls.__slots__):
            return None
        account = cls(**kept)
        return account if time.time() < account.until else None

    def to_session(self) -> dict[str, Any]:
        """Put it into plain JSON types."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whose request it is.

    Attributes:
        owner: Whose runs they may see, as the ledger knows them; empty while the page is loading.
        token_key: Under which their token is kept: it stays with the browser and the login that it was typed in.
        account: Who has logged in, if anybody has.
        address: The key of the network address from which they ask; empty when that is not known.
    """

    owner: str
    token_key: str
    account: Account | None = None
    address: str = ""

    @property
    def is_known(self) -> bool:
        """Something can belong to them."""
        return bool(self.owner)

    @property
    def payer(self) -> str:
        """Under which name the app's money that they spend is counted: never under an id that a browser chose."""
        if self.account is not None:
            return f"hf:{self.account.sub}"
        return f"ip:{self.address}" if self.address else ""


def visitor_of(browser: object, request: "gr.Request") -> Visitor:
    """Tell whose a request is: the one place that does.

    Args:
        browser: The id that the browser kept; it says nothing once somebody has logged in.
        request: The request, whose signed cookie alone tells of a login.
    """
    inner = request.request  # Gradio's own attributes are copies
    address = "" if inner is None else inner.scope.get(SCOPE_KEY, "")
    if (account := account_of(request)) is not None:
        return Visitor(f"hf:{account.sub}", token_key_of(account), account, address)
    owner = known_visitor(browser) or ""
    return Visitor(owner, owner, None, address)


def share_keys(scope: Mapping[str, Any] | None, *, is_public: bool) -> tuple[str, ...]:
    """Say under which names what somebody takes of the machine is counted: account first, then address.

    An id that the browser chose is not among them: whoever wants a hundred shares makes up a hundred ids.

    Args:
        scope: Of the request; ``None`` when there is none.
        is_public: Others than the person at this machine can reach the app; else all requests are theirs.
    """
    if not is_public:
        return ("local",)
    scope = scope or {}
    account = Account.from_session(scope.get("session") or {})
    address = f"ip:{scope.get(SCOPE_KEY, '')}"
    return (address,) if account is None else (f"hf:{account.sub}", address)


def account_of(request: "gr.Request") -> Account | None:
    """Give the account whose request it is, if somebody has logged in."""
    inner = request.request  # Gradio's own attributes are copies
    return None if inner is None else Account.from_session(inner.scope.get("session") or {})


def token_key_of(account: Account) -> str:
    """Give the key under which the token typed in a login is kept."""
    return f"hf:{account.sub}:{account.key}"


def new_visitor() -> str:
    """Make an id that nobody can guess."""
    return secrets.token_urlsafe(32)


def known_visitor(text: object) -> str | None:
    """Give the visitor's id that the browser kept, if it can be one of ours: never an account's."""
    return text if isinstance(text, str) and _VISITOR.fullmatch(text) else None


def token_of(text: str | None) -> SecretStr | None:
    """Give the token that a person typed, if any.

    Raises:
        RunError: It cannot be one.
    """
    if not (bare := (text or "").strip()):
        return None
    if not valid_token(bare):
        raise RunError("This cannot be a RunComfy token.", advice="Copy it again, without spaces or line breaks.")
    return SecretStr(bare)


class TokenStore:
    """Keeps visitors' tokens between the moment they are typed and the moment they are no longer used.

    Args:
        idle_s: Seconds after the last use at which a token is wiped.
        clock: Seconds since any moment.
    """

    def __init__(self, *, idle_s: float = IDLE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._idle_s = idle_s
        self._clock = clock
        self._held: dict[str, tuple[SecretStr, float]] = {}  # the longest idle first

    def keep(self, visitor: str, token: SecretStr) -> None:
        """Keep a token in place of the one before."""
        self.wipe_idle()
        self._held.pop(visitor, None)
        self._held[visitor] = token, self._clock()
        if len(self._held) > VISITORS_MAX:
            self.wipe(next(iter(self._held)))

    def use(self, visitor: str) -> SecretStr | None:
        """Give a visitor's token, which counts as a use, or ``None`` when none is kept."""
        self.wipe_idle()
        if (held := self._held.pop(visitor, None)) is None:
            return None
        self._held[visitor] = held[0], self._clock()
        return held[0]

    def holds(self, visitor: str) -> bool:
        """Tell whether a visitor's token is kept; no use of it."""
        self.wipe_idle()
        return visitor in self._held

    def left_s(self, visitor: str) -> float:
        """Return the seconds until a visitor's token is wiped unless it is used before; 0 when none is kept."""
        if (held := self._held.get(visitor)) is None:
            return 0.0
        return max(0.0, held[1] + self._idle_s - self._clock())

    def wipe(self, visitor: str) -> None:
        """Forget a visitor's token."""
        self._held.pop(visitor, None)

    def wipe_idle(self) -> None:
        """Forget the tokens that nobody has used for so long."""
        latest = self._clock() - self._idle_s
        for visitor in [visitor for visitor, (_, used_at) in self._held.items() if used_at <= latest]:
            self.wipe(visitor)

    def wipe_all(self) -> None:
        """Forget all tokens."""
        self._held.clear()

    async def keep_wiping(self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> NoReturn:
        """Wipe what is idle, every minute, until cancelled; then wipe all."""
        try:
            while True:
                await sleep(WIPE_EVERY_S)
                self.wipe_idle()
        finally:
            self.wipe_all()

    def __repr__(self) -> str:
        return f"<TokenStore with {len(self._held)} tokens>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Tokens stay in memory: they can be neither copied nor pickled.")


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
