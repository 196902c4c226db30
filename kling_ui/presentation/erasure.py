"""What is said when a visitor's data was deleted: what went, and what is left and why."""

from kling_ui.runs.erasure import ErasedData


def erased_words(data: ErasedData) -> list[str]:
    """Say what was deleted and what was not, one sentence after the other."""
    said = [f"Deleted: {_counted(data.runs, 'run')} and {_counted(data.inputs, 'input')}."]
    if not (data.runs or data.inputs):
        said = ["Nothing of yours was kept here any more." if not data.under_way else "Nothing was deleted."]
    if data.under_way:
        is_one = data.under_way == 1
        said.append(
            f"{_counted(data.under_way, 'paid run')} {'has' if is_one else 'have'} not ended and "
            f"{'is' if is_one else 'are'} kept: delete once more after the end, or after cancelling."
        )
    if data.at_vendor:
        said.append(
            f"RunComfy may keep copies of {_counted(data.at_vendor, 'paid run')}: only RunComfy can delete those."
        )
    if data.with_money:
        said.append(
            f"Of {_counted(data.with_money, 'run')} that this app paid for, the date and the amount stay, without a "
            "name; until midnight UTC they count against the day's share of whoever caused them."
        )
    return said


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
