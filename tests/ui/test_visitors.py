import pytest

from kling_ui.ui.visitors import known_visitor, new_visitor


def test_visitors_cannot_be_guessed():
    assert known_visitor(new_visitor())
    assert new_visitor() != new_visitor()


@pytest.mark.parametrize("text", ["", None, "short", "v" * 65, "v" * 42 + "'", {"v": 1}])
def test_other_ids_are_not_taken(text):
    assert known_visitor(text) is None
