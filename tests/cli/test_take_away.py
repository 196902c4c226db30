"""``kling-ui export --what`` and ``kling-ui open`` as they are typed."""

import json
import shutil
from pathlib import Path

import pytest
from run_records import a_run
from typer.testing import CliRunner

from kling_ui.cli import app
from kling_ui.options import TransferOptions
from kling_ui.runs.ledger.store import Store
from kling_ui.runs.record import EngineName, ResultFacts, RunState
from kling_ui.runs.run_files import sha256_of

RUN_ID = "fedcba9876543210fedcba9876543210"


@pytest.fixture
def typed(tmp_path, monkeypatch, person_png, make_clip):
    """Type a command where there is one finished run; its files are small."""
    data = tmp_path / "data"
    home = data / "runs" / RUN_ID
    home.mkdir(parents=True)
    clip = make_clip()
    for source, name in ((person_png, "image.png"), (clip, "reference.mp4"), (clip, "result.mp4")):
        shutil.copyfile(source, home / name)
    store = Store(f"sqlite:///{data / 'ledger.sqlite'}")
    store.add(
        a_run(
            run_id=RUN_ID,
            visitor="me",
            engine=EngineName.PREVIEW,
            state=RunState.COMPLETED,
            created_at=1_760_000_000.0,
            changed_at=1_760_000_009.0,
            image_sha256=sha256_of(home / "image.png"),
            reference_sha256=sha256_of(home / "reference.mp4"),
            choice=TransferOptions('A <b>"robot"</b>'),
            result_name="result.mp4",
            result_sha256=sha256_of(home / "result.mp4"),
            result_facts=ResultFacts(
                duration_s=1.0, fps=24.0, frame_count=24, width_px=320, height_px=180, has_audio=False, size_bytes=9
            ),
        )
    )
    store.close()
    monkeypatch.setenv("KLING_UI_DATA_DIR", str(data))
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_a_card_is_written_with_its_files_and_opens_again(typed, tmp_path):
    done = typed("export", RUN_ID[:6], "--what", "card", "--out", "taken", "--json")
    assert done.exit_code == 0
    (card,) = json.loads(done.stdout)["files"]
    assert len(list(Path("taken").iterdir())) == 4
    told = json.loads(typed("open", card, "--no-browser", "--json").stdout)
    assert told == {"run_id": RUN_ID, "page": card.replace(".run.json", ".html"), "missing": []}
    page = Path(told["page"]).read_text("utf-8")
    assert "&lt;b&gt;" in page
    assert "<b>" not in page.partition("<main>")[2].partition('class="curve"')[0]
    assert str(tmp_path) not in page


def test_what_is_missing_is_said(typed):
    typed("export", RUN_ID, "--what", "card", "--out", "taken", "--no-files")
    (card,) = Path("taken").iterdir()
    done = typed("open", str(card), "--no-browser")
    assert done.exit_code == 0
    assert "Not found with this very content: image (image.png), reference (reference.mp4) and result" in done.stderr


def test_a_report_of_runs_lies_beside_their_files(typed):
    done = typed("export", RUN_ID, "--what", "report", "--out", "taken")
    assert done.stdout.strip() == "taken/report.html"
    page = Path("taken/report.html").read_text("utf-8")
    for name in ("image.png", "reference.mp4", "result.mp4"):
        assert f'src="preview-{RUN_ID[:8]}-{name}"' in page
        assert Path(f"taken/preview-{RUN_ID[:8]}-{name}").is_file()


def test_pictures_are_drawn_where_they_are_wanted(typed):
    done = typed("export", RUN_ID, "--what", "sheet", "--out", "taken")
    assert done.stdout.strip() == f"taken/preview-{RUN_ID[:8]}-contact-sheet.png"
    assert [path.name for path in Path("taken").iterdir()] == [f"preview-{RUN_ID[:8]}-contact-sheet.png"]


def test_without_what_everything_is_exported_as_before(typed):
    assert typed("export", "everything", "--all").exit_code == 0
    assert Path("everything/runs.json").is_file()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("export", "a", "b"), 2),
        (("export", "a", "--out", "b"), 2),
        (("export", "zzz", "--what", "card"), 1),
        (("export", RUN_ID, "--what", "poem"), 2),
        (("export", RUN_ID, "--what", "comparison", "--layout", "4:3"), 2),
        (("open", "none.run.json"), 2),
        (("open", "data/ledger.sqlite", "--no-browser"), 1),
    ],
)
def test_what_cannot_be_done_ends_with_its_code(typed, words, code):
    assert typed(*words).exit_code == code
