"""``kling-ui preview-server``: the embedded engine on a port."""

from pydantic import SecretStr

from kling_ui.cli.output import DONE, say
from kling_ui.errors import SettingsError
from kling_ui.preview.standalone import serve_preview
from kling_ui.settings import Settings, valid_token


def serve_previews(host: str, port: int, token: str | None, *, allow_private: bool) -> int:
    """Serve until interrupted, and return the exit code.

    Raises:
        SettingsError: The token cannot be one.
        KlingUIError: The address cannot be listened on.
    """
    if token is not None and not valid_token(token):
        raise SettingsError("--token takes printable ASCII without spaces.")
    settings = Settings.from_env()
    serve_preview(
        settings.data_dir / "preview",
        host=host,
        port=port,
        token=SecretStr(token) if token else None,
        allow_private=allow_private,
        names=settings.hosts,
        on_ready=lambda url: say(f"The preview engine answers at {url}. Ctrl+C stops it."),
    )
    return DONE
