"""A started server looks at none of the objects that it is made of again, and still finds later ones to throw away."""

import asyncio
import gc
import socket
from weakref import ref

import pytest
import uvicorn
from starlette.applications import Starlette

from kling_ui.ui.web.security import StreamShutdown
from kling_ui.ui.web.server import GC_THRESHOLDS, Server, settle_garbage_collector


class Knot:
    """Holds itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before():
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_a_server_that_has_started_has_settled():
    async def serve(listening):
        config = uvicorn.Config(Starlette(), lifespan="off", log_level="warning")
        config.load()
        server = Server(config, StreamShutdown())
        server.lifespan = config.lifespan_class(config)
        await server.startup([listening])
        settled = gc.get_freeze_count(), gc.get_threshold()
        await server.shutdown([listening])
        return settled

    with socket.create_server(("127.0.0.1", 0)) as listening:
        frozen, thresholds = asyncio.run(serve(listening))
    assert frozen > 10_000
    assert thresholds == GC_THRESHOLDS


def test_what_holds_only_itself_is_thrown_away_without_being_asked_though_nothing_was_until_then():
    gc.disable()
    settle_garbage_collector()
    first = ref(Knot())
    knots = sum(Knot().itself is not None for _ in range(2 * GC_THRESHOLDS[0]))
    assert knots
    assert first() is None
