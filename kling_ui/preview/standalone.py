"""The embedded service on a port of its own, for other clients."""

import signal
import socket
import sys
from collections.abc import Callable, Collection
from pathlib import Path

from pydantic import SecretStr

from kling_ui.errors import KlingUIError
from kling_ui.preview.job_inputs import InputFetch
from kling_ui.preview.queue import JobQueue
from kling_ui.preview.service import build_service
from kling_ui.served_hosts import AllowedHosts
from kling_ui.settings import is_loopback
from kling_ui.workers import Workers

SHUTDOWN_S = 3


def serve_preview(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: SecretStr | None = None,
    slots: int = 1,
    allow_private: bool = False,
    names: Collection[str] = (),
    on_ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve until interrupted or terminated; then end running jobs and remove their files.

    Args:
        folder: Where jobs keep their files; several servers may share it.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        token: The only bearer token that is let in; ``None`` lets in everybody.
        slots: Jobs that run at the same time.
        allow_private: Also fetch inputs from private addresses; for development only.
        names: More names under which it answers, where only this machine can reach it: otherwise any page in a browser
            here could ask it by a name that leads here.
        on_ready: Told the service's address, as soon as connections are taken.

    Raises:
        KlingUIError: The address cannot be listened on.
    """
    import uvicorn  # noqa: PLC0415  only needed here

    listener = _listen(host, port)
    shown_host = f"[{host}]" if ":" in host else host
    on_ready(f"http://{shown_host}:{listener.getsockname()[1]}")
    # uvicorn raises the signal again once it has shut down; the workers still have to be ended then
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with Workers(slots) as workers:
            queue = JobQueue(folder, workers, fetch=InputFetch(allow_private=allow_private), slots=slots)
            service = build_service(
                queue,
                token=token.get_secret_value() if token else None,
                hosts=AllowedHosts(names) if is_loopback(host) else None,
            )
            config = uvicorn.Config(
                service,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=SHUTDOWN_S,
            )
            uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        pass  # the usual way to end it
    finally:
        signal.signal(signal.SIGTERM, before)
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise KlingUIError(
            f"It is not possible to listen on {host}, port {port}.", advice="Choose another port, or another address."
        ) from error
