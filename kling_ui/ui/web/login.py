"""Logging in with Hugging Face, in a Space that asks for it: who somebody is, and nothing that opens anything.

Gradio's own login is left alone: its session keeps the tokens that the provider gives, and outside a Space it logs
everybody in as whoever owns the machine.
"""

import logging
from collections.abc import Callable
from typing import Any

from authlib.integrations.starlette_client import OAuth, OAuthError
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.middleware.sessions import SessionMiddleware

from kling_ui.languages import told
from kling_ui.settings import SpaceLogin
from kling_ui.signing import keyed_hash
from kling_ui.ui.visitors import SESSION_KEY, SESSION_S, Account, TokenStore, token_key_of

COOKIE = "kling_ui_session"
SCOPE = "openid profile"  # who it is; nothing of what the account may do
TIMEOUT_S = 10.0
# What the page says after a login that came to nothing, by the word in its address.
WORDS = told(
    {
        "unreachable": "Hugging Face does not answer at the moment. Try again in a minute; "
        "everything works without it.",
        "refused": "You are not logged in: Hugging Face was not allowed to say who you are.",
        "failed": "The login was not completed. Try again; everything works without it.",
    }
)

log = logging.getLogger(__name__)


def login_url(login: SpaceLogin) -> str:
    """Give the address at which a login starts: at the host where it ends, whatever other names the page has."""
    return f"https://{login.host}/login/huggingface"


def add_login(app: FastAPI, login: SpaceLogin, tokens: Callable[[], TokenStore]) -> None:
    """Add the session and the routes; they must come before Gradio is mounted on the root.

    Args:
        app: The application.
        login: How visitors log in.
        tokens: Gives the visitors' own tokens; it is asked only while the server runs.
    """
    app.add_middleware(
        SessionMiddleware,
        secret_key=_session_secret(login),
        session_cookie=COOKIE,
        max_age=int(SESSION_S),
        same_site="none",  # the Space stands in a frame
        https_only=True,
    )
    provider: Any = _provider(login)

    @app.get("/login/huggingface")
    async def begin(request: Request) -> Response:
        try:
            answer = await provider.authorize_redirect(request, f"https://{login.host}/login/callback")
        except Exception as error:  # noqa: BLE001  told in words
            return _home(_error_text(error, "unreachable"))
        return _fresh(answer)

    @app.get("/login/callback")
    async def finish(request: Request) -> Response:
        try:
            account = Account.from_claims(await _claims(provider, request))
        except Exception as error:  # noqa: BLE001  told in words
            _forget_attempts(request)
            return _home(_error_text(error, "failed"))
        _end(request, tokens())
        request.session[SESSION_KEY] = account.to_session()
        return _home()

    @app.post("/logout")  # no GET: a picture on another site must not do it
    async def leave(request: Request) -> Response:
        _end(request, tokens())
        return _fresh(RedirectResponse("./", 303))


def _session_secret(login: SpaceLogin) -> str:
    """Make the key of the cookie's signature: it changes with the Space's secret and does not tell it."""
    return keyed_hash(login.client_secret.get_secret_value().encode(), "kling_ui session").hex()


def _provider(login: SpaceLogin) -> object:
    return OAuth().register(
        "huggingface",
        client_id=login.client_id,
        client_secret=login.client_secret.get_secret_value(),
        server_metadata_url=f"{login.provider_url}/.well-known/openid-configuration",
        client_kwargs={"scope": SCOPE, "timeout": TIMEOUT_S},
    )


async def _claims(provider: Any, request: Request) -> dict[str, Any]:
    """Ask who it is; state and nonce are checked, and what else came with the answer is dropped here."""
    issuer = (await provider.load_server_metadata())["issuer"]
    expected = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": provider.client_id}}
    return dict((await provider.authorize_access_token(request, claims_options=expected))["userinfo"])


def _end(request: Request, tokens: TokenStore) -> None:
    """End whatever login there is; the token that was typed in it goes with it."""
    if (account := Account.from_session(request.session)) is not None:
        tokens.wipe(token_key_of(account))
    request.session.clear()


def _forget_attempts(request: Request) -> None:
    for name in [name for name in request.session if name != SESSION_KEY]:
        del request.session[name]


def _error_text(error: Exception, otherwise: str) -> str:
    """Choose the words; what the provider or the address say is neither shown nor logged."""
    log.warning("A login came to nothing: %s.", type(error).__name__)
    return "refused" if isinstance(error, OAuthError) and error.error == "access_denied" else otherwise


def _home(word: str = "") -> Response:
    """Go back to the page, which lies one step up under whatever path the app is reached."""
    return _fresh(RedirectResponse(f"../?login={word}" if word else "../", 303))


def _fresh(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
