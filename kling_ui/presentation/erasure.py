"""What is said when a visitor's data was deleted: what went, and what is left and why."""

from kling_ui.languages import say, say_many
from kling_ui.runs.erasure import ErasedData


def erased_words(data: ErasedData) -> list[str]:
    """Say what was deleted and what was not, one sentence after the other."""
    said = [
        say(
            "Deleted: {runs} and {inputs}.",
            runs=_runs(data.runs),
            inputs=say_many("{count} input", "{count} inputs", data.inputs),
        )
    ]
    if not (data.runs or data.inputs):
        said = [say("Nothing of yours was kept here any more.") if not data.under_way else say("Nothing was deleted.")]
    if data.under_way:
        said.append(
            say_many(
                "{count} paid run has not ended and is kept: delete once more after the end, or after cancelling.",
                "{count} paid runs have not ended and are kept: delete once more after the end, or after cancelling.",
                data.under_way,
            )
        )
    if data.at_vendor:
        said.append(
            say_many(
                "RunComfy may keep copies of {count} paid run: only RunComfy can delete those.",
                "RunComfy may keep copies of {count} paid runs: only RunComfy can delete those.",
                data.at_vendor,
            )
        )
    if data.with_money:
        said.append(
            say(
                "Of {runs} that this app paid for, the date and the amount stay, without a name; until "
                "midnight UTC they count against the day's share of whoever caused them.",
                runs=_runs(data.with_money),
            )
        )
    return said


def _runs(count: int) -> str:
    return say_many("{count} run", "{count} runs", count)
