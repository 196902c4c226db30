"""A played OpenID provider on a port of its own: it lets in whoever is set, and can answer in every wrong way."""

import json
import threading
import time
from base64 import b64decode
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

SPACE, COOKIE = "my-space.hf.space", "kling_ui_session"
CLIENT_ID, CLIENT_SECRET = "space-client", "planted-client-secret-0123456789"
ACCESS_TOKEN, REFRESH_TOKEN = "planted-access-token-0123456789", "planted-refresh-token-0123456789"
ANN = {"sub": "5f0c34ann", "preferred_username": "ann", "name": "Ann"}
BOB = {"sub": "60aa12bob", "preferred_username": "bob", "name": "Bob"}


@cache
def _own_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "1"})


@dataclass
class PlayedProvider:
    """Answers as a provider would.

    Attributes:
        port: Where it listens.
        who: The account that logs in next.
        refuses: That account does not agree.
        is_broken: The token endpoint fails.
        claims: Claims of the next tokens that are not as they should be.
        has_id_token: The next answers carry an id token.
        key: Signs id tokens; another one than :attr:`shown` makes forged ones.
        seen: Forms that the token endpoint got.
    """

    port: int
    who: dict[str, Any] = field(default_factory=lambda: ANN)
    refuses: bool = False
    is_broken: bool = False
    claims: dict[str, Any] = field(default_factory=dict)
    has_id_token: bool = True
    key: RSAKey = field(default_factory=_own_key)
    seen: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shown = self.key
        self.codes: dict[str, tuple[dict[str, Any], str]] = {}
        config = uvicorn.Config(self.app(), host="127.0.0.1", port=self.port, log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.metadata),
                Route("/oauth/authorize", self.authorize),
                Route("/oauth/token", self.token, methods=["POST"]),
                Route("/oauth/jwks", self.jwks),
            ]
        )

    async def metadata(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/oauth/authorize",
                "token_endpoint": f"{self.url}/oauth/token",
                "jwks_uri": f"{self.url}/oauth/jwks",
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def authorize(self, request: Request) -> Response:
        asked = request.query_params
        assert (asked["client_id"], asked["response_type"]) == (CLIENT_ID, "code")
        assert set(asked["scope"].split()) == {"openid", "profile"}
        code = f"code-{len(self.codes)}"
        self.codes[code] = self.who, asked["nonce"]
        told = {"error": "access_denied", "error_description": "<b>no</b>"} if self.refuses else {"code": code}
        address = f"{asked['redirect_uri']}?{urlencode(told | {'state': asked['state']})}"
        return RedirectResponse(address, 302, {"X-Frame-Options": "DENY"})

    async def token(self, request: Request) -> Response:
        form = dict(await request.form())
        self.seen.append(form | {"authorization": request.headers.get("authorization", "")})
        if self.is_broken or form.get("code") not in self.codes:
            return JSONResponse({"error": "invalid_grant", "error_description": CLIENT_SECRET}, 400)
        who, nonce = self.codes.pop(str(form["code"]))
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 3600,
            "nonce": nonce,
            **who,
            **self.claims,
        }
        body = {
            "access_token": ACCESS_TOKEN,
            "refresh_token": REFRESH_TOKEN,
            "token_type": "bearer",
            "expires_in": 3600,
        }
        if self.has_id_token:
            body["id_token"] = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        return JSONResponse(body)

    async def jwks(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.shown.as_dict(private=False)]})

    def start(self) -> None:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


def log_in(client: Any, **changed: str) -> httpx.Response:
    """Go through a whole login as a browser does; ``changed`` are parts of the callback's address."""
    begun = client.get("/login/huggingface", params={"_target_url": "//evil.example", "next": "https://evil.example"})
    assert begun.status_code == 302, begun.headers.get("location")
    back = urlsplit(httpx.get(begun.headers["location"]).headers["location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == f"https://{SPACE}/login/callback"
    query = {name: values[0] for name, values in parse_qs(back.query).items()} | changed
    return client.get("/login/callback", params=query)


def session_of(client: Any) -> dict[str, Any]:
    """Read what the cookie says: anybody who holds it can."""
    cookie = client.cookies.get(COOKIE)
    return json.loads(b64decode(cookie.rsplit(".", 2)[0])) if cookie and cookie != "null" else {}
