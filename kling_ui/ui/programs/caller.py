"""Who calls: what they may take of the machine, whose their runs are, and which files they hand in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pydantic import SecretStr

from kling_ui.errors import RunError
from kling_ui.options import InputKind
from kling_ui.runs.record import Terms
from kling_ui.signing import keyed_hash
from kling_ui.ui.programs.arguments import text_in
from kling_ui.ui.services import Services
from kling_ui.ui.visitors import Account, Visitor
from kling_ui.ui.web.client_address import SCOPE_KEY, app_url_of

Answer = dict[str, Any]
Scope = Mapping[str, Any]
FILES = "files/"  # where this app shows files; a program may hand in what it was told
LOCAL = "local"  # under which previews of programs are counted where addresses are not
_PAYER_CHARS = 32  # 128 bits


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file that a program handed in.

    Attributes:
        path: Where it lies here.
        url: The public address that it came from, if it did.
    """

    path: Path
    url: str | None = None


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        services: For this caller: their work waits for its turn, and what is kept is theirs.
        account: Who has logged in, if anybody has.
        address: The key of the network address; empty when it is not known.
        home: Address of this app as the caller wrote it, ending in a slash.
    """

    services: Services
    account: Account | None
    address: str
    home: str

    @classmethod
    def of(cls, services: Services, scope: Scope | None) -> "Caller":
        """Read who asks from the scope of a request that has passed the checks of hosts and addresses."""
        known: Scope = scope or {}
        home = app_url_of(services.settings, scope)
        account = Account.from_session(known.get("session") or {})
        return cls(services.for_scope(scope), account, known.get(SCOPE_KEY, ""), f"{home}/")

    def owner(self, token: SecretStr | None, key: str = "") -> str:
        """Say whose a new run is: whoever pays for it, or of a free one whoever has the handle with this key."""
        if token is None:
            return f"program:{key}"
        secret = keyed_hash(self.services.signed_files.secret, "kling_ui payers of programs")
        return f"program:{keyed_hash(secret, token.get_secret_value()).hex()[:_PAYER_CHARS]}"

    def terms(self, owner: str, max_usd: float | None = None) -> Terms:
        """Tell on what terms they may run something: as on the page, but never with the app's own token."""
        granted = self.services.terms(Visitor(owner, owner, self.account, self.address))
        return replace(granted, app_token=False, address=granted.address or LOCAL, max_usd=max_usd)

    def file_answer(self, path: Path | None) -> Answer | None:
        """Tell where a file can be fetched, and by what it can be handed in again."""
        if path is None:
            return None
        signed = self.services.signed_files
        return {"url": f"{self.home}{signed.url(path)}", "ref": signed.sign(path), "name": path.name}

    async def inputs(self, image: object, video: object) -> dict[InputKind, GivenFile | None]:
        """Give the inputs that were handed in.

        Raises:
            KlingUIError: There is none, or one cannot be had.
        """
        given = {InputKind.IMAGE: image, InputKind.VIDEO: video}
        files = {kind: await self.file(kind, one) for kind, one in given.items()}
        if not any(files.values()):
            raise RunError("Nothing was given: image, video or both are needed.")
        return files

    async def file(self, kind: InputKind, given: object) -> GivenFile | None:
        """Give a file that was uploaded before, that this app made, or that lies at an address; ``None`` for no text.

        Raises:
            KlingUIError: It cannot be had.
        """
        text = text_in(given, kind.value).strip()
        if not text:
            return None
        signed = self.services.signed_files
        ref = text.partition(f"/{FILES}")[2] if "://" in text else text.removeprefix(FILES)
        if (path := signed.open(ref) or signed.open(unquote(ref))) is not None:
            return GivenFile(path)
        if text.startswith("https://"):
            return GivenFile(await self.services.fetch(kind, text), text)
        raise RunError(
            f"No file is known here under what was given as {kind.value}.",
            advice="Upload it first, or give its https address.",
        )
