"""What a program or an agent tries at the endpoints and tools; each try succeeds once its guard is removed."""

import logging
import sqlite3
from itertools import count
from types import SimpleNamespace

import pytest

from kling_ui import signing
from kling_ui.errors import RunError
from kling_ui.runs import handles, runner
from kling_ui.runs.handles import RunHandles
from kling_ui.runs.record import EngineName
from kling_ui.settings import TokenFor
from kling_ui.ui.programs.arguments import PaymentArguments
from kling_ui.ui.programs.caller import Caller
from kling_ui.ui.visitors import Visitor

TRIES = []
STRANGERS = "strangers-token-0123456789"


def tried(*without):
    """Add a function that tries something; it returns something true if it got what is another's.

    Args:
        without: What removes the guards that stand in its way.
    """

    def keep(attack):
        TRIES.append(pytest.param(attack, without, id=attack.__name__.replace("_", " ")))
        return attack

    return keep


# --- guards, and how to do without ------------------------------------------------------------------------------------


def handles_alone(patch):
    """The id of a run is as good as its handle."""
    find = RunHandles.find

    async def found(self, handle):
        try:
            return await find(self, handle)
        except RunError:
            return await self._ledger.ask(lambda store: store.get(handle)) or await find(self, handle)

    patch.setattr(RunHandles, "find", found)


def hashes_of_handles(patch):
    """The ledger keeps handles as they are."""
    patch.setattr(handles, "_hash", lambda handle: handle)


def length_of_handles(patch):
    """Handles are short numbers."""
    numbers = count()
    patch.setattr(handles, "secrets", SimpleNamespace(token_urlsafe=lambda _: str(next(numbers))))


def owner_by_token(patch):
    """All programs are one."""
    patch.setattr(Caller, "owner", lambda *_: f"program:{'e' * 32}")


def own_token_alone(patch):
    """A run on Kling takes no token of the caller's, and the app's own may stand in."""
    patch.setattr(PaymentArguments, "read", lambda _: (EngineName.KLING, None, None))
    patch.setattr(
        Caller, "terms", lambda self, owner, _=None: self.services.terms(Visitor(owner, owner, None, self.address))
    )


def signatures(patch):
    """Whatever stands in a signature's place is one."""
    patch.setattr(signing, "is_same", lambda *_: True)


def quiet_libraries(patch):
    """Libraries write what they like into the log."""
    patch.setattr(runner, "keep_addresses_out", lambda: None)
    for name in ("httpx", "httpcore"):
        patch.setattr(logging.getLogger(name), "level", logging.NOTSET)


# --- runs -------------------------------------------------------------------------------------------------------------


def _is_told(answer):
    return "is_final" in answer and "No run is known" not in answer


@tried(handles_alone)
def asks_after_a_run_by_its_id(target):
    return _is_told(target.call("status", handle=target.program))


@tried(handles_alone)
def asks_after_a_run_of_the_page_by_its_id(target):
    return _is_told(target.call("status", handle=target.seen))


@tried(handles_alone)
def fetches_a_result_by_the_id_of_its_run(target):
    return target.gives_away(target.call("result", handle=target.seen))


@tried(handles_alone)
def cancels_a_run_by_its_id(target):
    target.call("cancel", handle=target.waiting)
    return target.vendor.cancelled()


@tried(handles_alone)
def asks_after_a_run_by_its_id_as_an_agent(target):
    return _is_told(target.tool("status", handle=target.program))


@tried(handles_alone)
def fetches_a_result_by_the_id_of_its_run_as_an_agent(target):
    return target.gives_away(target.tool("result", handle=target.seen))


@tried(handles_alone)
def cancels_a_run_by_its_id_as_an_agent(target):
    target.tool("cancel", handle=target.waiting)
    return target.vendor.cancelled()


def _kept_of_handles(target):
    with sqlite3.connect(target.data_dir / "ledger.sqlite") as ledger:
        return [row[0] for row in ledger.execute("SELECT handle_sha256 FROM handles")]


@tried(hashes_of_handles)
def asks_with_what_a_copy_of_the_ledger_says_of_handles(target):
    return any(_is_told(target.call("status", handle=kept)) for kept in _kept_of_handles(target))


@tried(hashes_of_handles)
def asks_with_what_a_copy_of_the_ledger_says_of_handles_as_an_agent(target):
    return any(_is_told(target.tool("status", handle=kept)) for kept in _kept_of_handles(target))


@tried(length_of_handles)
def counts_through_handles(target):
    return any(_is_told(target.call("status", handle=str(number))) for number in range(20))


# --- money ------------------------------------------------------------------------------------------------------------


def _inputs(target):
    return {kind: target.request[kind] for kind in ("image", "video")}


@tried(own_token_alone)
def runs_with_the_token_of_the_app(target):
    target.call("run", engine="kling", max_usd=9, **_inputs(target))
    return target.vendor.paid_with(target.APPS)


@tried(own_token_alone)
def runs_with_the_token_of_the_app_as_an_agent(target):
    target.tool("run", engine="kling", max_usd=9, **_inputs(target))
    return target.vendor.paid_with(target.APPS)


@tried(owner_by_token)
def gets_what_another_program_has_paid_for(target):
    paid = target.call("run", engine="kling", token=target.PROGRAMS, max_usd=9, **_inputs(target))
    assert '"is_new": true' in paid
    return '"is_new": false' in target.call("run", engine="kling", token=STRANGERS, max_usd=9, **_inputs(target))


@tried(owner_by_token)
def follows_a_run_of_another_on_with_a_token_of_its_own(target):
    target.call("status", handle=target.orphan_handle, token=STRANGERS)
    return target.record(target.orphan).holder


@tried(owner_by_token)
def reads_what_another_has_spent(target):
    target.call("run", engine="kling", token=target.PROGRAMS, max_usd=9, **_inputs(target))
    return '"spent_today_usd": 0.0' not in target.call("price", token=STRANGERS, seconds=5)


# --- files ------------------------------------------------------------------------------------------------------------


def _forged(target):
    return f"{'x' * 32}/{target.upload.relative_to(target.data_dir).as_posix()}"


def _is_had(told):
    return "No file is known here" not in told


@tried(signatures)
def checks_a_file_that_it_names(target):
    return _is_had(target.call("check", image=_forged(target)))


@tried(signatures)
def checks_a_file_that_it_names_by_an_address_of_the_app(target):
    return "verdict" in target.call("check", image=f"https://{target.HOST}/files/{_forged(target)}")


@tried(signatures)
def checks_a_file_that_it_says_it_has_uploaded(target):
    named = {"path": _forged(target), "meta": {"_type": "gradio.FileData"}}
    return _is_had(target.call("check", image=named))


@tried(signatures)
def scores_a_result_that_it_names(target):
    result = f"{'x' * 32}/runs/{target.seen}/result.mp4"
    return _is_had(target.call("score", reference=target.request["video"], result=result))


@tried(signatures)
def repairs_a_file_that_it_names_as_an_agent(target):
    return _is_had(target.tool("repair", image=_forged(target)))


@tried(signatures)
def draws_a_sheet_of_a_file_that_it_names(target):
    return _is_had(target.call("sheet", images=[_forged(target)], videos=[target.request["video"]]))


# --- logs -------------------------------------------------------------------------------------------------------------


@tried(quiet_libraries)
def reads_requests_of_others_in_the_log(target):
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logging.getLogger().addHandler(handler)
    before = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        target.send("on_cancel", {"run_id": target.waiting}, browser=target.VICTIM)
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(before)
    assert target.vendor.cancelled()
    return any("/v1/requests/" in line for line in lines)


@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "guard removed"])
@pytest.mark.parametrize(("attack", "without"), TRIES)
def test_only_without_its_guard_a_program_gets_what_is_anothers(attack, without, is_guarded, open_target, monkeypatch):
    if "agent" in attack.__name__:
        pytest.importorskip("mcp", reason="the extra mcp is not installed")
    for remove in () if is_guarded else without:
        remove(monkeypatch)
    with open_target(token_for=TokenFor.EVERYBODY, budget_day_usd=100.0) as target:
        assert bool(attack(target)) is not is_guarded


def test_a_handle_does_open_its_run(open_target):
    """What is refused above is not refused by chance."""
    with open_target() as target:
        assert _is_told(target.call("status", handle=target.handle))
        assert "result.mp4" in target.call("result", handle=target.handle)
