import pytest

from kling_ui.batches.report import cells_in, ticked_in
from kling_ui.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "cells"), [("3", {3}), ("3,5-8", {3, 5, 6, 7, 8}), (" 1 - 2 ,2", {1, 2}), ("1-9", set(range(1, 10)))]
)
def test_numbers_and_spans(text, cells):
    assert cells_in(text, 9) == cells


@pytest.mark.parametrize("text", ["", "0", "10", "3-1", "1,,2", "a", "-2", "1-10", "9" * 30])
def test_what_is_no_cell_is_refused(text):
    with pytest.raises(SettingsError, match="--cells"):
        cells_in(text, 9)


def test_ticks_in_a_table(tmp_path):
    path = tmp_path / "cells.csv"
    path.write_text("\ufeffcell;chosen;state\n1;x;done\n2;;done\n3;Yes;\n4;no;\n5;0;\n5;x;\n", encoding="utf-8")
    assert ticked_in(path, 5) == {1, 3, 5}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("cell,state\n1,x\n", "columns cell and chosen"),
        ("", "columns cell and chosen"),
        ("cell,chosen\n1,\n", "no cell is ticked"),
        ("cell,chosen\n7,x\n", "not there"),
        ("cell,chosen\nx,x\n", "not there"),
        (b"cell,chosen\n\xff,x\n", "cannot"),
    ],
)
def test_a_table_that_ticks_nothing_is_refused(tmp_path, content, said):
    path = tmp_path / "cells.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsError, match=said):
        ticked_in(path, 5)


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(SettingsError, match="cannot"):
        ticked_in(tmp_path / "none.csv", 5)
