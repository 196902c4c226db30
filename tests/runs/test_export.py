import asyncio
import csv
import json

import httpx
import pytest

from kling_ui.errors import KlingUIError, RunError
from kling_ui.presentation.runs import entry_words
from kling_ui.runs.export import RunHistory, export
from kling_ui.runs.record import EngineName, RunState


@pytest.fixture
def archived(open_world, make_vendor):
    """Make three runs of two visitors, then ask the archive of their ledger."""

    def asked(question):
        failed = {"request_id": "req-1", "status": "failed", "error": {"message": "Failure to pass the risk control"}}

        async def story():
            async with open_world(make_vendor()) as world:
                await world.end(await world.kling(prompt="=HYPERLINK(1)"))
                await world.end(await world.start(visitor="ben", prompt="a preview"), "ben")
            vendor = make_vendor(results=[httpx.Response(200, json=failed)])
            async with open_world(vendor) as world:
                await world.end(await world.kling(prompt="refused"))
                return await question(
                    RunHistory(world.context.ledger, world.context.folders, entry_words, clock=world.context.clock)
                )

        return asyncio.run(story())

    return asked


@pytest.mark.parametrize("prefix", ["", "half a \ud83d", "a\x00"])
def test_what_is_no_run_is_said_to_be_none(archived, prefix):
    with pytest.raises(RunError, match="no such run"):
        archived(lambda archive: archive.find(prefix))


def test_runs_are_listed_newest_first_with_all_that_is_known(archived):
    mine, everybodys, spending = archived(
        lambda archive: asyncio.gather(archive.runs("ann", 10), archive.runs(None, 10), archive.spending("ann"))
    )
    assert [entry.record.choice.prompt for entry in mine] == ["refused", "=HYPERLINK(1)"]
    assert len(everybodys) == 3
    assert spending.day_usd == pytest.approx(0.70)
    refused, done = (entry.to_json() for entry in mine)
    assert (refused["state"], refused["charge"], refused["repairs"]) == ("failed", "maybe", [])
    assert refused["inputs_to_change"] == ["image", "video", "prompt"]
    assert refused["raw_error"] == "Failure to pass the risk control"
    assert (done["cost_usd"], done["rate_usd"], done["estimate_usd"]) == (0.35, 0.07, pytest.approx(0.35))
    assert next(state["state"] for state in done["states"]) == "preparing"
    assert done["states"][-1]["at"].endswith("Z")
    assert done["result"]["duration_s"] == 5.0
    assert len(done["result_sha256"]) == 64
    assert "ann" not in json.dumps([refused, done])


def test_a_run_is_found_by_how_its_id_begins(archived):
    async def question(archive):
        entries = await archive.runs(None, 10)
        found = await archive.find(entries[0].record.run_id[:10])
        for prefix in ("", "zzz", "%"):
            with pytest.raises(RunError, match="no such run"):
                await archive.find(prefix)
        return entries[0], found

    entry, found = archived(question)
    assert found == entry


def test_an_export_holds_tables_and_files(archived, tmp_path):
    entries = archived(lambda archive: archive.runs(None, 10))
    folder = tmp_path / "export"
    assert export(entries, folder, with_files=True) == 3
    listed = json.loads((folder / "runs.json").read_text())["runs"]
    with (folder / "runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [run["run_id"] for run in listed] == [row["run_id"] for row in rows]
    assert [row["prompt"] for row in rows] == ["refused", "a preview", "'=HYPERLINK(1)"], "no formula for a spreadsheet"
    assert [len(run["files"]) for run in listed] == [2, 3, 3]
    for run in listed:
        assert all((folder / name).stat().st_size > 0 for name in run["files"])
    assert listed[1]["engine"] == EngineName.PREVIEW
    assert listed[1]["state"] == RunState.COMPLETED
    assert export(entries, tmp_path / "bare", with_files=False) == 3
    assert sorted(path.name for path in (tmp_path / "bare").iterdir()) == ["runs.csv", "runs.json"]


def test_an_export_overwrites_nothing(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(KlingUIError, match="not empty"):
        export([], tmp_path, with_files=True)
    with pytest.raises(KlingUIError, match="cannot be written"):
        export([], tmp_path / "mine.txt" / "below", with_files=True)
