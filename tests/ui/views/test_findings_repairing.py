from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.checks.repair_session import RepairPhase
from kling_ui.errors import KlingUIError
from kling_ui.options import InputKind, Orientation, TransferOptions
from kling_ui.ui.input_session import RepairOrder, RepairOutcome, RepairProgress
from kling_ui.ui.views import findings as repair_view

ORDER = RepairOrder(frozenset({RepairKind.IMAGE_CONVERT}), None, None, None, TransferOptions("", Orientation.IMAGE))
VALUES = {InputKind.IMAGE: {"ref": "a"}, InputKind.VIDEO: {"ref": "b"}}


def test_a_repair_says_how_far_it_is():
    progress = RepairProgress()
    progress.show(RepairPhase.WRITING, 0.4)
    assert repair_view.running(progress) == {"state": "running", "words": "Repairing", "share": 0.4}
    progress.show(RepairPhase.CHECKING)
    assert repair_view.running(progress)["share"] is None


def test_what_was_done_can_be_told_and_undone():
    outcome = RepairOutcome(("Convert to PNG", "Switch"), VALUES, TransferOptions("", Orientation.VIDEO))
    assert repair_view.done(ORDER, outcome, VALUES) == {
        "state": "done",
        "words": "Done: Convert to PNG; Switch.",
        "after": {"image": "a", "video": "b"},
        "choice": {"orientation": "video"},
        "choice_before": {"orientation": "image"},
    }


def test_what_the_person_changed_meanwhile_is_not_undone():
    done = repair_view.done(ORDER, RepairOutcome(("Convert to PNG",), VALUES, ORDER.choice), {InputKind.VIDEO})
    assert done["after"] == {"video": "b"}
    assert done["words"].endswith("What you changed meanwhile was left as it is.")
    assert done["choice"] == {}


def test_a_failure_says_that_nothing_was_lost():
    failed = repair_view.failed(KlingUIError("It broke.", advice="Try again."))
    assert failed == {"state": "failed", "words": "Nothing was changed. It broke. Try again."}
