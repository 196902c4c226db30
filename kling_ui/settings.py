"""Settings, all from the environment, checked once at the start."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import SecretStr

from kling_ui.errors import SettingsError

API_BASE = "https://model-api.runcomfy.net"
MODEL_ID = "kling/kling-2-6/motion-control-standard"
TOKEN_MAX_CHARS = 4096  # the vendor's own clients refuse longer ones
LEND_HOURS_MAX = 168  # a presigned address of S3 works for seven days at most
_STORE_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9._/-]*)?")
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z0-9-]+")
_DOLLARS = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,4})?")


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


@dataclass(frozen=True)
class Settings:
    """What the product can be told from outside; every field names its variable.

    Attributes:
        token: ``RUNCOMFY_API_TOKEN`` (or ``RUNCOMFY_TOKEN``): the app's own token for paid runs.
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
        lend_hours: ``KLING_UI_LEND_HOURS``: for how long an address made for RunComfy works at most, 1-168.
        login: ``OAUTH_CLIENT_ID``, ``OAUTH_CLIENT_SECRET`` and ``OPENID_PROVIDER_URL`` on a Space: how visitors log in;
            ``None`` where they cannot.
        workers: ``KLING_UI_WORKERS``: worker processes for checks and previews, 1-64; ``None`` lets the machine decide.
        budget_session_usd: ``KLING_UI_BUDGET_SESSION_USD``: the most that paid runs of one sitting of one visitor may
            cost, in US dollars; ``None`` sets no limit, 0 allows no paid run.
        budget_day_usd: ``KLING_UI_BUDGET_DAY_USD``: the most that the paid runs of one day (UTC) may cost.
    """

    token: SecretStr | None = None
    api_base: str = API_BASE
    model_id: str = MODEL_ID
    data_dir: Path = Path.home() / ".kling_ui"
    ledger_url: str = ""
    host: str = "127.0.0.1"
    port: int = 7860
    public_url: str | None = None
    space_host: str | None = None
    store_url: str | None = None
    lend_hours: int = 24
    login: SpaceLogin | None = None
    workers: int | None = None
    budget_session_usd: float | None = None
    budget_day_usd: float | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings.

        Raises:
            SettingsError: A variable has a value that cannot be used; the message names it and what it takes.
        """
        env = {name: value.strip() for name, value in (os.environ if environ is None else environ).items()}
        on_space = bool(env.get("SPACE_ID"))
        data_dir = Path(env.get("KLING_UI_DATA_DIR") or cls.data_dir).expanduser().resolve()
        return cls(
            token=_token(env),
            api_base=_url(env, "KLING_UI_API_BASE") or API_BASE,
            model_id=_model_id(env),
            data_dir=data_dir,
            ledger_url=env.get("KLING_UI_LEDGER_URL") or f"sqlite:///{data_dir / 'ledger.sqlite'}",
            host=env.get("KLING_UI_HOST") or ("0.0.0.0" if on_space else cls.host),  # noqa: S104  a Space is a container
            port=_number(env, "KLING_UI_PORT", 1, 65535) or 7860,
            public_url=_url(env, "KLING_UI_PUBLIC_URL"),
            space_host=_space_host(env),
            store_url=_store_url(env),
            lend_hours=_number(env, "KLING_UI_LEND_HOURS", 1, LEND_HOURS_MAX) or cls.lend_hours,
            login=_login(env),
            workers=_number(env, "KLING_UI_WORKERS", 1, 64),
            budget_session_usd=_dollars(env, "KLING_UI_BUDGET_SESSION_USD"),
            budget_day_usd=_dollars(env, "KLING_UI_BUDGET_DAY_USD"),
        )

    @property
    def outside_url(self) -> str | None:
        """Where the outside world may reach this app; whether it really does is to be tried."""
        return self.public_url or (f"https://{self.space_host}" if self.space_host else None)


def valid_token(text: str) -> bool:
    """Tell whether ``text`` can be a token at all: printable ASCII without spaces, at most 4096 characters."""
    return 0 < len(text) <= TOKEN_MAX_CHARS and all("!" <= char <= "~" for char in text)


def _token(env: Mapping[str, str]) -> SecretStr | None:
    for name in ("RUNCOMFY_API_TOKEN", "RUNCOMFY_TOKEN"):
        if text := env.get(name):
            if not valid_token(text):
                raise SettingsError(
                    f"{name} takes printable ASCII without spaces, at most {TOKEN_MAX_CHARS} characters."
                )
            return SecretStr(text)
    return None


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
