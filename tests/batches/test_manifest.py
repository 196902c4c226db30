import json
from pathlib import Path

import pytest

from kling_ui.batches.manifest import (
    ROWS_MAX,
    BatchRow,
    FaultCode,
    ManifestError,
    grid,
    read_manifest,
    rows_from,
    rows_in,
    with_model,
)
from kling_ui.batches.named_files import HandedFiles
from kling_ui.options import DEFAULT_PROMPT, Orientation, TransferOptions
from kling_ui.presentation.batch_sentences import MANIFEST_FAULTS
from kling_ui.runs.record import EngineName


@pytest.fixture
def written(tmp_path):
    """Write a manifest beside two pictures and a clip."""
    for name in ("maya.png", "theo.png", "dance.mp4"):
        (tmp_path / name).write_bytes(name.encode())

    def write(content: str | bytes, name: str = "batch.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def faults_of(path: Path) -> list[tuple[FaultCode, int | None, str]]:
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    return [(fault.code, fault.row, fault.field_name) for fault in caught.value.faults]


def test_a_row_takes_defaults_and_paths_are_relative_to_the_manifest(written, tmp_path):
    rows = read_manifest(
        written(
            "image,video,orientation,prompt,keep_sound,engine,name\n"
            "maya.png,dance.mp4,,,,,\n"
            'theo.png,dance.mp4,IMAGE,"At the sea, at dawn",no,kling,Theo\n'
        )
    )
    assert rows[0] == BatchRow(number=1, image=tmp_path / "maya.png", video=tmp_path / "dance.mp4")
    assert rows[0].choice.prompt == DEFAULT_PROMPT
    assert rows[1].choice == TransferOptions("At the sea, at dawn", Orientation.IMAGE, keep_sound=False)
    assert (rows[1].engine, rows[1].title, rows[0].title) == (EngineName.KLING, "Theo", "maya + dance")


@pytest.mark.parametrize(
    "content",
    [
        "image;video\nmaya.png;dance.mp4\n",
        "image\tvideo\r\nmaya.png\tdance.mp4\r\n",
        "\ufeffimage , video\n\n maya.png , dance.mp4 \n,\n",
        "sep=;\r\nimage;video\r\nmaya.png;dance.mp4\r\n",
        "image,video,,\nmaya.png,dance.mp4,,\n,,,\n",
        'image,video\n"maya.png","dance.mp4"',
    ],
    ids=[
        "semicolon",
        "tab",
        "mark, spaces and empty lines",
        "Excel's separator",
        "empty columns",
        "quotes, no last end",
    ],
)
def test_what_spreadsheets_write_is_read(written, tmp_path, content):
    (row,) = read_manifest(written(content))
    assert (row.image, row.video) == (tmp_path / "maya.png", tmp_path / "dance.mp4")


def test_json_lines_have_the_same_fields(written):
    lines = [
        {"image": "maya.png", "video": "dance.mp4", "keep_sound": False},
        {"image": "theo.png", "video": "dance.mp4", "orientation": "image", "name": None},
    ]
    rows = read_manifest(written("\n\n".join(map(json.dumps, lines)), "batch.jsonl"))
    assert [row.choice.keep_sound for row in rows] == [False, True]
    assert [row.choice.orientation for row in rows] == [Orientation.VIDEO, Orientation.IMAGE]


FAULTY = [
    ("image,video\n", [(FaultCode.NO_ROWS, None, "")]),
    ("", [(FaultCode.NO_ROWS, None, "")]),
    ("image\nmaya.png\n", [(FaultCode.NO_COLUMN, None, "video")]),
    (
        "image,video,video\nmaya.png,dance.mp4,\n",
        [(FaultCode.FIELD_TWICE, None, "video")],
    ),
    ("image,video,promt\nmaya.png,dance.mp4,\n", [(FaultCode.UNKNOWN_FIELD, None, "")]),
    ("image,video\nmaya.png,dance.mp4,1\n", [(FaultCode.TOO_MANY_VALUES, 1, "")]),
    ("image,video\n,dance.mp4\n", [(FaultCode.MISSING, 1, "image")]),
    ("image,video\nmia.png,\n", [(FaultCode.NO_FILE, 1, "image"), (FaultCode.MISSING, 1, "video")]),
    (f"image,video\n{'x' * 5000}.png,dance.mp4\n", [(FaultCode.NO_FILE, 1, "image")]),
    ("image,video,orientation\nmaya.png,dance.mp4,up\n", [(FaultCode.NOT_A_WORD, 1, "orientation")]),
    ("image,video,engine\nmaya.png,dance.mp4,pro\n", [(FaultCode.NOT_A_WORD, 1, "engine")]),
    ("image,video,keep_sound\nmaya.png,dance.mp4,2\n", [(FaultCode.NOT_YES_OR_NO, 1, "keep_sound")]),
    (f"image,video,name\nmaya.png,dance.mp4,{'n' * 81}\n", [(FaultCode.NAME_TOO_LONG, 1, "name")]),
    ("image,video\nmaya.png,dance.mp4\nmaya.png,dance.mp4\n", [(FaultCode.SAME_ROW, 2, "")]),
    (b"image,video\n\xff\xfe,\n", [(FaultCode.NOT_TEXT, None, "")]),
    ("image,video\nhttps://a.example/m.png,dance.mp4\n", [(FaultCode.AN_ADDRESS, 1, "image")]),
    ('image,video,prompt\nmaya.png,dance.mp4,"At the sea\ntheo.png,dance.mp4,\n', [(FaultCode.OPEN_QUOTE, None, "")]),
    ('image,video,prompt\nmaya.png,dance.mp4,"At" sea\n', [(FaultCode.OPEN_QUOTE, None, "")]),
    ("image,video\n" + "maya.png,dance.mp4\n" * (ROWS_MAX + 1), [(FaultCode.TOO_MANY_ROWS, None, "")]),
]


@pytest.mark.parametrize(("content", "faults"), FAULTY)
def test_each_fault_is_told_with_its_row_and_field(written, content, faults):
    assert faults_of(written(content)) == faults


def test_faults_of_json_lines(written):
    path = written('{"image": 1, "video": "dance.mp4", "sound": true}\n[1]\n{x\n', "batch.jsonl")
    assert faults_of(path) == [
        (FaultCode.UNKNOWN_FIELD, 1, ""),
        (FaultCode.NO_TEXT, 1, "image"),
        (FaultCode.NOT_AN_OBJECT, 2, ""),
        (FaultCode.NOT_JSON, 3, ""),
    ]


def test_all_faults_are_told_at_once_with_line_and_way_out(written):
    path = written("image,video,keepsound\nmaja.png,dance.mp4,\nmaya.png,dance.mp4,\n,dance.mp4,\n")
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    assert str(caught.value).splitlines() == [
        "batch.csv cannot be used; 3 things are wrong:",
        "The header: “keepsound” is no field of a manifest. Did you mean keep_sound?",
        "Row 1 (line 2), image: There is no file maja.png. Did you mean maya.png?",
        "Row 3 (line 4), image: Nothing is given. Name a file; its path is relative to the manifest.",
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "shots.csv",
            "image;video\nmaya.png;dance.mp4\nJörg.png;dance.mp4\n".encode("cp1252"),
            r"The manifest \(line 3\): shots",
        ),
        (
            "shots.csv",
            "image,video\nmaya.png,dance.mp4\n".encode("utf-16"),
            r"\(line 1\): .* Excel calls it “CSV UTF-8”",
        ),
        (
            "shots.csv",
            'image,video,prompt\n\nmaya.png,dance.mp4,"At sea\n\n',
            r"The manifest \(line 3\): A double quote opens",
        ),
        (
            "shots.csv",
            "sep=,\nimage,vidoe\n",
            r"The header: “vidoe” .* video\?(.|\n)*The header, video: This column is miss",
        ),
        (
            "shots.jsonl",
            '{"image": "maya.png", "video": "dance.mp4"}\n\n{"image"\n',
            r"shots\.jsonl .*:\nRow 2 \(line 3\): .* no JSON",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(written, name, content, words):
    with pytest.raises(ManifestError, match=words) as caught:
        read_manifest(written(content, name))
    assert name in str(caught.value)


def test_a_list_in_one_is_told_to_be_written_an_object_a_line(written):
    assert faults_of(written('[{"image": "maya.png"}]', "all.json")) == [(FaultCode.NOT_AN_OBJECT, 1, "")]


def test_what_a_browser_could_not_read_as_text_is_told():
    with pytest.raises(ManifestError, match=r"The manifest \(line 2\): shots\.csv is not a text in UTF-8"):
        rows_in("image;video\nJ\ufffdrg.png;dance.mp4\n", "shots.csv", HandedFiles({}))


def test_a_line_of_json_may_hold_what_ends_lines_elsewhere(written):
    (row,) = read_manifest(written('{"image": "maya.png", "video": "dance.mp4", "prompt": "a\u2028b"}\r\n', "b.jsonl"))
    assert row.choice.prompt == "a\u2028b"


def test_a_manifest_that_is_not_there(tmp_path):
    assert faults_of(tmp_path / "none.csv") == [(FaultCode.NOT_READABLE, None, "")]


def test_every_fault_has_its_words():
    assert set(MANIFEST_FAULTS) == set(FaultCode)


def test_a_grid_puts_everything_together_in_order(written, tmp_path):
    written("")
    images = [tmp_path / "maya.png", tmp_path / "theo.png"]
    rows = grid(images, [tmp_path / "dance.mp4"], [Orientation.VIDEO, Orientation.IMAGE], ["a", "b", "a"])
    assert [(row.number, row.image.stem, row.choice.orientation.value, row.choice.prompt) for row in rows] == [
        (1, "maya", "video", "a"),
        (2, "maya", "video", "b"),
        (3, "maya", "image", "a"),
        (4, "maya", "image", "b"),
        (5, "theo", "video", "a"),
        (6, "theo", "video", "b"),
        (7, "theo", "image", "a"),
        (8, "theo", "image", "b"),
    ]


def test_rows_of_a_program_are_read_alike(written, tmp_path):
    written("")
    (row,) = rows_from([{"image": tmp_path / "maya.png", "video": "dance.mp4", "keep_sound": 0}], tmp_path)
    assert not row.choice.keep_sound
    with pytest.raises(ManifestError, match="Row 1, image: There is no file"):
        rows_from([{"image": "a\0b.png", "video": "dance.mp4"}], tmp_path)


def test_a_row_names_its_model_and_others_take_the_one_that_is_given(written):
    rows = read_manifest(
        written("image,video,model,name\nmaya.png,dance.mp4,kling/x/motion-control-pro,a\nmaya.png,dance.mp4,,b\n")
    )
    given = with_model(rows, "kling/y/motion-control")
    assert [row.choice.model for row in given] == ["kling/x/motion-control-pro", "kling/y/motion-control"]
    assert with_model(rows, "") == rows
