"""Settings, all from the environment, checked once at the start."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import SecretStr

from kling_ui.disks import MOUNTS, Disk, disk_of, mount_of
from kling_ui.errors import SettingsError
from kling_ui.pauses import Pause
from kling_ui.quotas import DailyQuota, DailyQuotas, MachineLimits, QuotaScope

API_BASE = "https://model-api.runcomfy.net"
MODEL_ID = "kling/kling-2-6/motion-control-standard"
TOKEN_MAX_CHARS = 4096  # the vendor's own clients refuse longer ones
METRICS_TOKEN_MIN_CHARS = 16
PUBLISH_HOURS_MAX = 168  # a presigned address of S3 works for seven days at most
_SCHEDULER = re.compile(r"(?:tcp|tls)://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}")
_STORE_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9._/-]*)?")
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z0-9-]+")
_DOLLARS = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,4})?")
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")  # containers have underscores in their names
# From where the proxy of a Hugging Face Space reaches it; nobody else can reach its port.
SPACE_PROXIES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "::1/128", "fc00::/7")
KEEP_DAYS_PUBLIC = 30
# Where others can reach the app: more than a busy day of one person, and what a small machine draws in some hours.
VISITOR_QUOTA_PUBLIC = "previews=200 uploads=600 gb=20"
PERSISTENT = Path("/data")  # where a Space mounts its persistent storage
_SPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class SpaceLogin:
    """How visitors of a Hugging Face Space log in; the platform sets all of it where the Space asks for it.

    Attributes:
        host: The host under which the Space is reached; the platform lets a login come back nowhere else.
        client_id: ``OAUTH_CLIENT_ID``: who the Space is at the provider.
        client_secret: ``OAUTH_CLIENT_SECRET``: proves it.
        provider_url: ``OPENID_PROVIDER_URL``: where visitors log in.
    """

    host: str
    client_id: str
    client_secret: SecretStr
    provider_url: str


class TokenFor(StrEnum):
    """For whom the app's own token may pay, where others than its owner can reach the app."""

    NOBODY = "nobody"
    LISTED = "listed"
    LOGGED_IN = "logged-in"
    EVERYBODY = "everybody"


@dataclass(frozen=True)
class Settings:
    """What can be set from outside; every field names its variable.

    Attributes:
        token: ``RUNCOMFY_API_TOKEN`` (or ``RUNCOMFY_TOKEN``): the app's own token for paid runs.
        fal_key: ``KLING_UI_FAL_KEY``: the app's own key for fal.ai, through which Kling's models are then offered, too.
        api_base: ``KLING_UI_API_BASE``: origin of the model API, without a path.
        model_id: ``KLING_UI_MODEL_ID``: the model's id as in the API's paths.
        data_dir: ``KLING_UI_DATA_DIR``: where runs, results and the ledger are kept.
        ledger_url: ``KLING_UI_LEDGER_URL``: an SQLAlchemy URL; a SQLite file in ``data_dir`` by default.
        host: ``KLING_UI_HOST``: address to listen on; every address on Hugging Face Spaces.
        port: ``KLING_UI_PORT``: port to listen on, 1-65535.
        public_url: ``KLING_UI_PUBLIC_URL``: the address under which others reach this app, if any.
        space_host: ``SPACE_HOST`` on a Hugging Face Space: the host under which the Space is reached.
        store_url: ``KLING_UI_STORE_URL``: ``s3://bucket/prefix`` where a paid run's inputs wait for RunComfy; keys,
            region and server come from the usual ``AWS_`` variables.
        publish_hours: ``KLING_UI_LEND_HOURS``: for how long an address made for RunComfy works at most, 1-168.
        login: ``OAUTH_CLIENT_ID``, ``OAUTH_CLIENT_SECRET`` and ``OPENID_PROVIDER_URL`` on a Space: how visitors log in;
            ``None`` where they cannot.
        workers: ``KLING_UI_WORKERS``: worker processes for checks and previews, 1-64; ``None`` lets the machine decide.
            With a scheduler, how many jobs of this process are under way at a time.
        scheduler: ``KLING_UI_SCHEDULER``: ``tcp://host:port`` of a Dask scheduler whose workers do this work instead;
            needs the extra ``cluster`` and ``KLING_UI_STORE_URL``.
        budget_session_usd: ``KLING_UI_BUDGET_SESSION_USD``: the most that paid runs of one sitting of one visitor may
            cost, in US dollars; ``None`` sets no limit, 0 allows no paid run.
        budget_day_usd: ``KLING_UI_BUDGET_DAY_USD``: the most that the paid runs of one day (UTC) may cost.
        budget_visitor_usd: ``KLING_UI_BUDGET_VISITOR_USD``: the most that one visitor may spend of the app's own token
            in one day (UTC); see :attr:`visitor_share_usd` for what holds without it.
        token_for: ``KLING_UI_TOKEN_FOR``: for whom the app's own token may pay; see :attr:`app_token_for`.
        token_accounts: The accounts that ``KLING_UI_TOKEN_FOR`` lists.
        hosts: ``KLING_UI_HOSTS``: more names under which this app answers; those of a Space are among them.
        trusted_proxies: ``KLING_UI_TRUSTED_PROXIES``: networks of proxies whose word on who asks, and under which name,
            is believed.
        on_space: ``SPACE_ID`` is set: the app runs in a Hugging Face Space.
        space_id: Which one, such as ``ann/demo``.
        is_lasting: What is kept here outlives a restart; not so in a Space without persistent storage.
        ledger_disk: What a SQLite ledger lies on; a bucket is refused.
        metrics_token: ``KLING_UI_METRICS_TOKEN``: opens ``/metrics`` for Prometheus to whoever brings it, at least 16
            characters; needs the extra ``metrics``. ``None`` offers none.
        log_json: ``KLING_UI_LOG`` is ``json``: log lines are JSON objects with run ids and without anything personal.
        mcp: ``KLING_UI_MCP``: answer agents, too, as tools of the Model Context Protocol; needs the extra ``mcp``.
        limits: How much of the machine visitors may take.
        quotas: ``KLING_UI_QUOTA_VISITOR``, ``KLING_UI_QUOTA_ADDRESS``, ``KLING_UI_QUOTA_TOTAL``: what one visitor, one
            network address and all together may take in a day (UTC).
        pause: ``KLING_UI_PAUSE``: what nobody may begin; ``kling-ui pause`` says so without a restart.
    """

    token: SecretStr | None = None
    fal_key: SecretStr | None = None
    api_base: str = API_BASE
    model_id: str = MODEL_ID
    data_dir: Path = Path.home() / ".kling_ui"
    ledger_url: str = ""
    host: str = "127.0.0.1"
    port: int = 7860
    public_url: str | None = None
    space_host: str | None = None
    store_url: str | None = None
    publish_hours: int = 24
    login: SpaceLogin | None = None
    workers: int | None = None
    scheduler: str | None = None
    budget_session_usd: float | None = None
    budget_day_usd: float | None = None
    budget_visitor_usd: float | None = None
    token_for: TokenFor | None = None
    token_accounts: frozenset[str] = frozenset()
    hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    on_space: bool = False
    metrics_token: SecretStr | None = None
    log_json: bool = False
    mcp: bool = False
    space_id: str | None = None
    is_lasting: bool = True
    ledger_disk: Disk = Disk.LOCAL
    limits: MachineLimits = field(default_factory=MachineLimits)
    quotas: DailyQuotas = field(default_factory=DailyQuotas)
    pause: Pause | None = None

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, *, persistent: Path = PERSISTENT, mounts: Path = MOUNTS
    ) -> Self:
        """Read the settings.

        Args:
            environ: The variables; by default those of this process.
            persistent: Where a Space keeps what outlives its restarts, if it has that.
            mounts: Which file systems are mounted where, as Linux tells it.

        Raises:
            SettingsError: A variable has a value that cannot be used; the message names it and what it takes.
        """
        env = {name: value.strip() for name, value in (os.environ if environ is None else environ).items()}
        on_space = bool(env.get("SPACE_ID"))
        data_dir = _data_dir(env, persistent, mounts)
        ledger_url = env.get("KLING_UI_LEDGER_URL") or f"sqlite:///{data_dir / 'ledger.sqlite'}"
        token_for, token_accounts = _token_for(env)
        settings = cls(
            token=_token(env, "RUNCOMFY_API_TOKEN", "RUNCOMFY_TOKEN"),
            fal_key=_token(env, "KLING_UI_FAL_KEY"),
            api_base=_url(env, "KLING_UI_API_BASE") or API_BASE,
            model_id=_model_id(env),
            data_dir=data_dir,
            ledger_url=ledger_url,
            host=env.get("KLING_UI_HOST") or ("0.0.0.0" if on_space else cls.host),  # noqa: S104  a Space is a container
            port=_number(env, "KLING_UI_PORT", 1, 65535) or 7860,
            public_url=_url(env, "KLING_UI_PUBLIC_URL"),
            space_host=_space_host(env),
            store_url=_store_url(env),
            publish_hours=_number(env, "KLING_UI_LEND_HOURS", 1, PUBLISH_HOURS_MAX) or cls.publish_hours,
            login=_login(env),
            workers=_number(env, "KLING_UI_WORKERS", 1, 64),
            scheduler=_scheduler(env),
            budget_session_usd=_dollars(env, "KLING_UI_BUDGET_SESSION_USD"),
            budget_day_usd=_dollars(env, "KLING_UI_BUDGET_DAY_USD"),
            budget_visitor_usd=_dollars(env, "KLING_UI_BUDGET_VISITOR_USD"),
            token_for=token_for,
            token_accounts=token_accounts,
            hosts=_hosts(env),
            trusted_proxies=_trusted_proxies(env),
            on_space=on_space,
            metrics_token=_metrics_token(env),
            log_json=_log_json(env),
            mcp=_number(env, "KLING_UI_MCP", 0, 1) == 1,
            space_id=env["SPACE_ID"] if _SPACE.fullmatch(env.get("SPACE_ID", "")) else None,
            is_lasting=not on_space or mount_of(data_dir, mounts)[0] != "/",
            ledger_disk=_ledger_disk(ledger_url, mounts),
        )
        is_public, pause = settings.is_public, env.get("KLING_UI_PAUSE")
        settings = replace(
            settings,
            limits=_limits(env, is_public=is_public),
            quotas=_quotas(env, is_public=is_public),
            pause=Pause.parse(pause, "KLING_UI_PAUSE") if pause else None,
        )
        _refuse_unlimited_spending(settings)
        return settings

    @property
    def analyses_folder(self) -> Path:
        """Where checks and motion matches keep what they find in files, by content; its name is on disks already."""
        return self.data_dir / "looks"

    @property
    def playable_folder(self) -> Path:
        """Where copies of files lie that not every browser shows, by content."""
        return self.data_dir / "playable"

    @property
    def is_public(self) -> bool:
        """Whether others than the person at this machine can reach the app."""
        return self.on_space or self.outside_url is not None or not is_loopback(self.host)

    @property
    def app_token_for(self) -> TokenFor:
        """For whom the app's own token pays: for nobody unless that is set, where others can reach the app."""
        if not self.is_public:
            return TokenFor.EVERYBODY
        return self.token_for or TokenFor.NOBODY

    @property
    def visitor_share_usd(self) -> float | None:
        """The most that one visitor may spend of the app's token in one day: a quarter of the day's budget if unset."""
        if self.budget_visitor_usd is not None or not self.is_public or self.budget_day_usd is None:
            return self.budget_visitor_usd
        return self.budget_day_usd / 4

    @property
    def outside_url(self) -> str | None:
        """Where the outside world may reach this app; whether it really does is to be tried."""
        return self.public_url or (f"https://{self.space_host}" if self.space_host else None)


def valid_token(text: str) -> bool:
    """Tell whether ``text`` can be a token at all: printable ASCII without spaces, at most 4096 characters."""
    return 0 < len(text) <= TOKEN_MAX_CHARS and all("!" <= char <= "~" for char in text)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address to listen on."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _data_dir(env: Mapping[str, str], persistent: Path, mounts: Path) -> Path:
    """Choose where things are kept: in a Space on its persistent storage, if a ledger can be kept there."""
    if named := env.get("KLING_UI_DATA_DIR"):
        return Path(named).expanduser().resolve()
    has_room = bool(env.get("SPACE_ID")) and persistent.is_dir() and os.access(persistent, os.W_OK | os.X_OK)
    if has_room and (env.get("KLING_UI_LEDGER_URL") or disk_of(persistent, mounts) is not Disk.BUCKET):
        return persistent.resolve()
    return Settings.data_dir.resolve()


def _ledger_disk(url: str, mounts: Path) -> Disk:
    """Tell what a SQLite ledger lies on; local for every other one.

    Raises:
        SettingsError: It lies in a bucket.
    """
    scheme, _, path = url.partition(":///")
    path = path.partition("?")[0]
    if not scheme.startswith("sqlite") or path in {"", ":memory:"}:
        return Disk.LOCAL
    disk = disk_of(Path(path).resolve().parent, mounts)
    if disk is Disk.BUCKET:
        raise SettingsError(
            "KLING_UI_LEDGER_URL takes a SQLite file on a disk of this machine; this one lies in a bucket, where no "
            "database can be kept.",
            advice="Set it to a postgresql:// address, or KLING_UI_DATA_DIR to another folder.",
        )
    return disk


def _token(env: Mapping[str, str], *names: str) -> SecretStr | None:
    for name in names:
        if text := env.get(name):
            if not valid_token(text):
                raise SettingsError(
                    f"{name} takes printable ASCII without spaces, at most {TOKEN_MAX_CHARS} characters."
                )
            return SecretStr(text)
    return None


def _metrics_token(env: Mapping[str, str]) -> SecretStr | None:
    if not (text := env.get("KLING_UI_METRICS_TOKEN")):
        return None
    if not valid_token(text) or len(text) < METRICS_TOKEN_MIN_CHARS:
        raise SettingsError(
            f"KLING_UI_METRICS_TOKEN takes printable ASCII without spaces, at least {METRICS_TOKEN_MIN_CHARS} of it."
        )
    return SecretStr(text)


def _log_json(env: Mapping[str, str]) -> bool:
    if (text := env.get("KLING_UI_LOG") or "text") not in {"text", "json"}:
        raise SettingsError("KLING_UI_LOG takes text or json.")
    return text == "json"


def _url(env: Mapping[str, str], name: str) -> str | None:
    if not (text := env.get(name)):
        return None
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise SettingsError(f"{name} takes an address such as https://example.org, without a query or a password.")
    return text.rstrip("/")


def _model_id(env: Mapping[str, str]) -> str:
    text = env.get("KLING_UI_MODEL_ID") or MODEL_ID
    if not all(part and part.replace("-", "").replace("_", "").replace(".", "").isalnum() for part in text.split("/")):
        raise SettingsError(f"KLING_UI_MODEL_ID takes a model id such as {MODEL_ID}.")
    return text


def _space_host(env: Mapping[str, str]) -> str | None:
    """Return the first of a Space's hosts; the platform sets them, so odd ones are passed over, not complained of."""
    host = env.get("SPACE_HOST", "").split(",")[0].strip().lower()
    return host if env.get("SPACE_ID") and _HOST.fullmatch(host) else None


def _login(env: Mapping[str, str]) -> SpaceLogin | None:
    """Return how visitors log in, if all that takes is set: a half of it would be a button that leads nowhere."""
    host, client_id, secret = _space_host(env), env.get("OAUTH_CLIENT_ID"), env.get("OAUTH_CLIENT_SECRET")
    if not (host and client_id and secret and env.get("OPENID_PROVIDER_URL")):
        return None
    provider_url = _url(env, "OPENID_PROVIDER_URL")
    return None if provider_url is None else SpaceLogin(host, client_id, SecretStr(secret), provider_url)


def _store_url(env: Mapping[str, str]) -> str | None:
    if not (text := env.get("KLING_UI_STORE_URL")):
        return None
    if not _STORE_URL.fullmatch(text) or any(part in {".", "..", ""} for part in text[5:].rstrip("/").split("/")):
        raise SettingsError("KLING_UI_STORE_URL takes a bucket and a folder in it, such as s3://my-bucket/kling-ui.")
    return text.rstrip("/")


def _scheduler(env: Mapping[str, str]) -> str | None:
    if not (text := env.get("KLING_UI_SCHEDULER")):
        return None
    if not _SCHEDULER.fullmatch(text):
        raise SettingsError("KLING_UI_SCHEDULER takes the address of a Dask scheduler, such as tcp://host:8786.")
    if not env.get("KLING_UI_STORE_URL"):
        raise SettingsError("KLING_UI_SCHEDULER needs KLING_UI_STORE_URL, through which files reach the workers.")
    return text


def _number(env: Mapping[str, str], name: str, low: int, high: int) -> int | None:
    if not (text := env.get(name)):
        return None
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise SettingsError(f"{name} takes a whole number from {low} to {high}.")
    return int(text)


def _dollars(env: Mapping[str, str], name: str) -> float | None:
    if not (text := env.get(name)):
        return None
    if not _DOLLARS.fullmatch(text):
        raise SettingsError(f"{name} takes US dollars such as 5 or 2.50, at most 999999.")
    return float(text)


def _token_for(env: Mapping[str, str]) -> tuple[TokenFor | None, frozenset[str]]:
    if not (text := env.get("KLING_UI_TOKEN_FOR")):
        return None, frozenset()
    if text.lower() in {TokenFor.NOBODY, TokenFor.LOGGED_IN, TokenFor.EVERYBODY}:
        return TokenFor(text.lower()), frozenset()
    accounts = [account.strip() for account in text.split(",")]
    if not all(_ACCOUNT.fullmatch(account) for account in accounts):
        raise SettingsError(
            "KLING_UI_TOKEN_FOR takes nobody, logged-in, everybody, or names of accounts such as ann,bob."
        )
    return TokenFor.LISTED, frozenset(account.lower() for account in accounts)


def _refuse_unlimited_spending(settings: Settings) -> None:
    """Let nobody open the app's own token to others without saying how much of it, and to whom."""
    opened = settings.token_for in {TokenFor.LISTED, TokenFor.LOGGED_IN, TokenFor.EVERYBODY}
    if not (opened and settings.is_public and (settings.token or settings.fal_key) is not None):
        return
    if settings.budget_day_usd is None:
        raise SettingsError(
            "KLING_UI_TOKEN_FOR takes nobody as long as KLING_UI_BUDGET_DAY_USD does not say what others may spend."
        )
    if settings.login is None and settings.token_for is not TokenFor.EVERYBODY:
        raise SettingsError("KLING_UI_TOKEN_FOR takes nobody or everybody where visitors cannot log in.")


def _hosts(env: Mapping[str, str]) -> tuple[str, ...]:
    names = [name.strip().lower() for name in env.get("KLING_UI_HOSTS", "").split(",") if name.strip()]
    if not all(_NAME.fullmatch(name) for name in names):
        raise SettingsError("KLING_UI_HOSTS takes names of hosts such as demo.example.org,box.local, without ports.")
    spaces = env.get("SPACE_HOST", "").split(",") if env.get("SPACE_ID") else []
    return (*names, *(name for text in spaces if _HOST.fullmatch(name := text.strip().lower())))


def _trusted_proxies(env: Mapping[str, str]) -> tuple[Network, ...]:
    texts = [text.strip() for text in env.get("KLING_UI_TRUSTED_PROXIES", "").split(",") if text.strip()]
    if not texts and env.get("SPACE_ID"):
        texts = list(SPACE_PROXIES)
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise SettingsError(
            "KLING_UI_TRUSTED_PROXIES takes addresses or networks of proxies such as 10.0.0.5,172.16.0.0/12."
        ) from error


def _quotas(env: Mapping[str, str], *, is_public: bool) -> DailyQuotas:
    found = {}
    for scope in QuotaScope:
        name = f"KLING_UI_QUOTA_{scope.name}"
        usual = VISITOR_QUOTA_PUBLIC if is_public and scope is QuotaScope.VISITOR else ""
        found[scope.value] = DailyQuota.parse(env.get(name) or usual, name)
    return DailyQuotas(**found)


def _limits(env: Mapping[str, str], *, is_public: bool) -> MachineLimits:
    found = {
        limit.name: _number(env, f"KLING_UI_{limit.name.upper()}", **limit.metadata) for limit in fields(MachineLimits)
    }
    given: dict[str, Any] = {"keep_days": KEEP_DAYS_PUBLIC} if is_public else {}
    return MachineLimits(**(given | {name: value for name, value in found.items() if value is not None}))
