"""What a stranger tries through the page's own events; each try succeeds once the guard that it names is removed."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from kling_ui import signing
from kling_ui.corrections import CorrectionStore
from kling_ui.runs.ledger import store
from kling_ui.runs.recovery import Recovery
from kling_ui.runs.runner import RunQueries
from kling_ui.ui import services as services_module
from kling_ui.ui import visitors
from kling_ui.ui.fair_share import AttemptLimit
from kling_ui.ui.web.page_sessions import PageSessions

TRIES = []
STRANGERS = "strangers-token-0123456789"
VICTIMS_BROWSER = {"Cookie": f"kling_ui_browser={'v' * 43}"}
STRANGERS_BROWSER = {"Cookie": f"kling_ui_browser={'s' * 43}"}


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


def owner_of_a_run(patch):
    """Runs are shown to whoever names them."""
    record = RunQueries.record
    patch.setattr(RunQueries, "record", lambda self, run_id, _: record(self, run_id, None))


def owner_in_the_ledger(patch):
    """Runs are changed by whoever names them."""
    patch.setattr(store, "theirs_of", lambda run_id, _: (store.runs.c.run_id == run_id,))


def owner_of_a_request(patch):
    """Requests are looked for among everybody's runs."""
    recover = Recovery.recover
    patch.setattr(Recovery, "recover", lambda self, *args, **how: recover(self, *args, **how | {"everybody": True}))


def owner_of_lost_runs(patch):
    """Whose runs of unknown outcome a request may belong to."""
    unanswered = store.Store.unanswered
    patch.setattr(store.Store, "unanswered", lambda self, _: unanswered(self, None))


def form_of_ids(patch):
    """A browser may call itself whatever it likes."""
    patch.setattr(visitors, "known_visitor", lambda text: text)


def who_may_spend(patch):
    """The app's own token pays for everybody."""
    patch.setattr(visitors, "may_use_app_token", lambda *_: True)


def known_requests_only(patch):
    """The app's own token asks for any request."""
    granted = visitors.terms_of
    patch.setattr(services_module, "terms_of", lambda *who: replace(granted(*who), app_token=True, any_request=True))


def number_of_attempts(patch):
    """Requests are asked for as often as anybody likes."""
    patch.setattr(AttemptLimit, "take", lambda *_: None)


def owner_of_corrections(patch):
    """Corrections are found by the picture alone."""
    patch.setattr(CorrectionStore, "_owner", lambda *_: "0" * 32)


def signatures(patch):
    """Whatever stands in a signature's place is one."""
    patch.setattr(signing, "is_same", lambda *_: True)


def browser_of_a_tab(patch):
    """A tab is known by its name alone."""
    patch.setattr(PageSessions, "is_of", lambda *_: True)


def calls_alone_are_calls(patch):
    """The answer to any event is read at the address of a call."""

    def found(self, event_id):
        return next(event.session_hash for event in self._queue.event_ids_to_events.values() if event._id == event_id)

    patch.setattr(PageSessions, "of_call", found)


# --- looking at runs --------------------------------------------------------------------------------------------------


@tried(owner_of_a_run)
def opens_a_run_by_its_id(target):
    return target.gives_away(target.send("on_open", {"run_id": target.seen}))


@tried(owner_of_a_run)
def opens_a_run_by_the_address_of_the_page(target):
    return target.gives_away(target.send("on_return", query=f"?run={target.seen}"))


@tried(owner_of_a_run)
def opens_a_run_of_a_program(target):
    return target.gives_away(target.send("on_open", {"run_id": target.program}))


@tried(owner_of_a_run)
def opens_a_run_of_somebody_who_has_logged_in(target):
    return target.gives_away(target.send("on_open", {"run_id": target.anns}))


@tried(form_of_ids)
def lists_the_runs_of_an_account_as_a_browser_of_its_name(target):
    return target.gives_away(target.send("on_return", browser=f"hf:{target.ANN['sub']}"))


@tried(form_of_ids)
def lists_the_runs_of_a_program_as_a_browser_of_its_name(target):
    return target.gives_away(target.send("on_return", browser=target.program_owner))


@tried(owner_of_a_run)
def takes_over_the_files_of_a_run(target):
    return "Its picture, clip and options stand in their places." in target.send(
        "on_reuse_inputs", {"run_id": target.seen}
    )


@tried(owner_of_a_run)
def takes_over_the_words_of_a_run(target):
    return target.gives_away(target.send("on_reuse_choice", {"run_id": target.seen}))


@tried(owner_of_a_run)
def downloads_a_comparison(target):
    return target.gives_away(target.send("on_take", {"run_id": target.seen, "what": "comparison"}, reads=True))


@tried(owner_of_a_run)
def downloads_a_preview_without_its_background(target):
    return target.gives_away(target.send("on_take", {"run_id": target.seen, "what": "transparent"}, reads=True))


@tried(owner_of_a_run)
def takes_a_contact_sheet_away(target):
    return target.gives_away(target.send("on_take", {"run_id": target.seen, "what": "sheet"}, reads=True))


@tried(owner_of_a_run)
def takes_a_run_card_away(target):
    return target.gives_away(target.send("on_take", {"run_id": target.seen, "what": "card"}, reads=True))


@tried(owner_of_corrections)
def finds_what_another_corrected_of_the_same_picture(target):
    told = target.send("on_image", {"ref": target.request["image"]})
    return "/corrections/" in told


# --- changing runs ----------------------------------------------------------------------------------------------------


@tried(owner_of_a_run)
def cancels_a_run(target):
    target.send("on_cancel", {"run_id": target.waiting})
    return target.vendor.cancelled()


@tried(owner_in_the_ledger)
def renames_a_run(target):
    target.send("on_rename", {"run_id": target.seen, "name": "Mine"})
    return target.record(target.seen).name == "Mine"


@tried(owner_of_a_run, owner_in_the_ledger)
def deletes_a_run(target):
    target.send("on_delete", {"run_id": target.seen, "loss": "files"})
    return target.record(target.seen).deleted_at is not None


@tried(owner_of_a_run, owner_in_the_ledger)
def deletes_what_was_paid_for(target):
    target.send("on_delete", {"run_id": target.paid, "loss": "paid"})
    return target.record(target.paid).deleted_at is not None


@tried(owner_of_a_run)
def compares_anothers_runs(target):
    return target.gives_away(target.send("on_compare_runs", {"run_ids": [target.seen, target.paid]}, reads=True))


@tried(owner_of_a_run)
def runs_anothers_inputs_again(target):
    target.send("on_again", {"run_id": target.seen}, reads=True)
    return target.runs_of(target.STRANGER)


@tried(owner_of_a_request, owner_of_a_run)
def recovers_a_result_that_another_paid_for(target):
    return target.gives_away(target.send("on_recover", {"request_id": f"req-of-{target.paid}"}))


@tried(owner_of_lost_runs)
def puts_a_request_of_its_own_into_anothers_lost_run(target):
    target.services.tokens.keep(target.STRANGER, SecretStr(STRANGERS))
    target.send("on_recover", {"request_id": "req-strangers", "run_id": target.lost})
    return target.record(target.lost).request_id


# --- spending ---------------------------------------------------------------------------------------------------------


@tried(who_may_spend)
def runs_with_the_token_of_the_app(target):
    target.send("on_run")
    return target.vendor.paid_with(target.APPS)


@tried(who_may_spend)
def reads_prices_with_the_token_of_the_app(target):
    target.send("cost", video_slot={"ref": target.request["video"]})
    return target.vendor.paid_with(target.APPS)


@tried(known_requests_only)
def guesses_requests_of_the_account_of_the_app(target):
    target.send("on_recover", {"request_id": "req-guessed"})
    return target.vendor.paid_with(target.APPS)


@tried(number_of_attempts)
def guesses_requests_without_end(target):
    target.services.tokens.keep(target.STRANGER, SecretStr(STRANGERS))
    for number in range(12):
        target.send("on_recover", {"request_id": f"req-of-{target.paid}-{number}", "run_id": target.seen})
    return len(target.vendor.paid_with(STRANGERS)) > 10


# --- forged values ----------------------------------------------------------------------------------------------------


def _forged(target):
    return f"{'x' * 32}/{target.upload.relative_to(target.data_dir)}"


@tried(signatures)
def has_an_address_signed_for_a_file_that_it_names(target):
    told = target.send("on_inputs", image_slot={"ref": _forged(target)}, video_slot={})
    return "me.png" in told


@tried(signatures)
def runs_a_file_that_it_names(target):
    forged = target.request | {"image": _forged(target)}
    target.services.tokens.keep(target.STRANGER, SecretStr(STRANGERS))
    target.send("on_run", run_request=forged)
    images = [target.data_dir / "runs" / run.run_id / run.image_name for run in target.runs_of(target.STRANGER)]
    return any(image.read_bytes() == target.PICTURE for image in images)


@tried(signatures)
def keeps_a_file_that_it_names_in_its_browser(target):
    return "me.png" in target.send("on_first_inputs", kept={"image": {"ref": _forged(target)}})


@tried(signatures)
def hands_in_a_file_that_it_names(target):
    return "me.png" in target.send("on_image", {"ref": _forged(target)})


# --- other tabs -------------------------------------------------------------------------------------------------------


def _victims_tab(target, headers=VICTIMS_BROWSER):
    opened = {"run_id": target.seen}
    return target.send("on_open", opened, browser=target.VICTIM, session="victims-tab", headers=headers, reads=False)


@tried(browser_of_a_tab)
def reads_the_answers_to_anothers_tab(target):
    _victims_tab(target)
    return target.gives_away(target.read("victims-tab", STRANGERS_BROWSER))


@tried(browser_of_a_tab)
def reads_the_answers_to_anothers_tab_without_any_cookie(target):
    _victims_tab(target)
    return target.gives_away(target.read("victims-tab"))


@tried(browser_of_a_tab)
def puts_words_into_anothers_tab(target):
    _victims_tab(target)
    target.send("on_cancel", {"run_id": "strange"}, session="victims-tab", headers=STRANGERS_BROWSER, reads=False)
    return "strange" in target.read("victims-tab", VICTIMS_BROWSER)


@tried(calls_alone_are_calls)
def reads_the_answer_to_an_event_as_if_it_were_a_call(target):
    event_id = _victims_tab(target, headers=None).split('"event_id":"')[1][:32]
    return target.gives_away(target.client.get(f"/gradio_api/call/status/{event_id}").text)


@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "guard removed"])
@pytest.mark.parametrize(("attack", "without"), TRIES)
def test_only_without_its_guard_the_page_gives_away_what_is_anothers(
    attack, without, is_guarded, open_target, monkeypatch
):
    for remove in () if is_guarded else without:
        remove(monkeypatch)
    with open_target() as target:
        assert bool(attack(target)) is not is_guarded
