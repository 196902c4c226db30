"""A token is planted, the engine throws it back in every way it can, and then everything is searched for it."""

import asyncio
import gc
import logging
import traceback

import httpx
import pytest
from pydantic import SecretStr

from kling_ui.errors import KlingUIError
from kling_ui.runs.record import RunState

APPS = "app-token-0123456789"  # the one that `open_world` sets
PLANTED = "visitors-planted-token-0123456789"


def echo(status):
    """Answer with the token in everything that may be shown."""
    words = f"Bearer {PLANTED} or {PLANTED}"
    body = {"error_code": 422001, "error_message": words, "detail": [{"token": PLANTED}], "request_id": "req-1"}
    return httpx.Response(status, json=body, headers={"x-token": PLANTED})


def failed():
    body = {"request_id": "req-1", "status": "failed", "error": {"type": "Bad", "message": f"saw {PLANTED}"}}
    return httpx.Response(200, json=body)


def status(word):
    return httpx.Response(200, json={"request_id": "req-1", "status": word})


MISFORTUNES = {
    "refused": {"submits": [echo(422)]},
    "unauthorised": {"submits": [echo(401)]},
    "unclear": {"submits": [echo(500)]},
    "not sent": {"submits": [httpx.ConnectError(f"no route for {PLANTED}")]},
    "broken off": {"submits": [httpx.ReadError(f"reset {PLANTED}")]},
    "not readable": {"submits": [httpx.Response(200, text=f"<html>{PLANTED}")]},
    "lost while following": {"statuses": [echo(500), echo(429), status("completed")]},
    "token refused while following": {"statuses": [echo(401)]},
    "failed": {"results": [failed()]},
    "a fault of ours": {"submits": [RuntimeError("a fault")]},
    "nothing wrong": {},
}


def searched(folder, caplog, *shown):
    logged = [caplog.handler.format(record) for record in caplog.records]
    kept = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return b"".join(kept) + repr([*logged, *shown]).encode()


@pytest.mark.parametrize("misfortune", MISFORTUNES)
def test_a_visitors_token_is_nowhere_whatever_happens(open_world, make_vendor, caplog, misfortune):
    caplog.set_level(logging.DEBUG)
    vendor = make_vendor(**{name: list(answers) for name, answers in MISFORTUNES[misfortune].items()})

    async def story():
        async with open_world(vendor) as world:
            run_id = await world.kling(token=SecretStr(PLANTED))
            view = await world.end(run_id)
            cancelled = await world.runner.cancel(run_id, "ann")
            return world.folder, view, cancelled, await world.runner.history("ann"), repr(vars(world.runner))

    folder, *shown = asyncio.run(story())
    assert any(request.headers.get("authorization") == f"Bearer {PLANTED}" for request in vendor.seen)
    found = searched(folder, caplog, *shown)
    assert PLANTED.encode() not in found
    assert APPS.encode() not in found


def test_an_ended_run_leaves_no_token_in_memory(open_world, make_vendor):
    """Neither the secret nor a request that carried it."""
    planted = f"another-{PLANTED}"  # what other tests had logged may still be kept for their reports

    def alive():
        gc.collect()
        secrets = [thing.get_secret_value() for thing in gc.get_objects() if isinstance(thing, SecretStr)]
        headers = [str(thing.raw) for thing in gc.get_objects() if isinstance(thing, httpx.Headers)]
        return [text for text in (*secrets, *headers) if planted in text]

    async def story():
        async with open_world(make_vendor(statuses=[status("in_progress")])) as world:
            run_id = await world.kling(token=SecretStr(planted))
            await world.until(run_id, RunState.IN_PROGRESS)
            assert alive()
            world.vendor.statuses.append(status("completed"))
            assert (await world.end(run_id)).state is RunState.COMPLETED
            await asyncio.sleep(0.1)  # the flow says goodbye
            world.vendor.seen.clear()
            return alive()

    assert asyncio.run(story()) == []


@pytest.mark.parametrize("typed", [f"{PLANTED} two words", f"{PLANTED}\u00e9", PLANTED * 200])
def test_what_cannot_be_a_token_is_not_repeated(open_world, make_vendor, typed):
    async def story():
        async with open_world(make_vendor()) as world:
            await world.kling(token=SecretStr(typed))

    with pytest.raises(KlingUIError) as caught:
        asyncio.run(story())
    assert PLANTED not in "".join(traceback.format_exception(caught.value))
