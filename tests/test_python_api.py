"""What Python code can call: the functions as they are imported, with real workers and a vendor on a port."""

import asyncio
import inspect
import math
import subprocess
import sys

import pytest
from PIL import Image

import kling_ui
from kling_ui import (
    KlingUIError,
    MediaError,
    RunError,
    Settings,
    SettingsError,
    abatch,
    acheck,
    aplan,
    arepair,
    arun,
    arun_long,
    ascore,
    batch,
    check,
    plan,
    repair,
    run,
    run_long,
    score,
)

TOKEN = "planted-token-0123456789"
HEAVY = {"gradio", "cv2", "mediapipe", "numpy", "av", "httpx", "pydantic", "sqlalchemy", "typer", "typing"}
TWINS = [
    (check, acheck),
    (repair, arepair),
    (run, arun),
    (plan, aplan),
    (run_long, arun_long),
    (batch, abatch),
    (score, ascore),
]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """One for all tests, so that each file is looked at once."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def settings(data_dir):
    return Settings.from_env({"KLING_UI_DATA_DIR": str(data_dir), "KLING_UI_WORKERS": "1"})


@pytest.fixture
def paid(paid_vendor, tmp_path):
    """Settings of somebody who has a token, and no budget."""
    environ = {"KLING_UI_DATA_DIR": str(tmp_path / "data"), "KLING_UI_WORKERS": "1", "RUNCOMFY_API_TOKEN": TOKEN}
    return Settings.from_env(environ | {"KLING_UI_API_BASE": paid_vendor.url})


# --- importing --------------------------------------------------------------------------------------------------------


def loaded_by(code):
    command = [sys.executable, "-S", "-c", f"{code}; import sys; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)})
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_else():
    loaded = loaded_by("import kling_ui")
    assert loaded.isdisjoint(HEAVY)
    assert {name for name in loaded if name.startswith("kling_ui")} == {"kling_ui"}


def test_the_functions_load_neither_the_page_nor_what_only_workers_need():
    loaded = loaded_by("from kling_ui import check, repair, run, score")
    assert "kling_ui.python_api" in loaded
    assert loaded.isdisjoint({"gradio", "mediapipe", "sqlalchemy", "httpx", "typer", "uvicorn", "moviepy"})


def test_every_public_name_is_there_and_tells_what_it_is():
    public = {name: getattr(kling_ui, name) for name in kling_ui.__all__ if name != "__version__"}
    assert all(inspect.getdoc(value) for value in public.values())
    assert set(kling_ui.__all__) <= set(dir(kling_ui))
    assert all(issubclass(value, KlingUIError) for name, value in public.items() if name.endswith("Error"))
    with pytest.raises(AttributeError, match="no attribute 'checks_of'"):
        _ = kling_ui.checks_of


@pytest.mark.parametrize(("waits", "awaited"), TWINS, ids=lambda function: function.__name__)
def test_twins_take_the_same(waits, awaited):
    assert inspect.signature(waits) == inspect.signature(awaited)
    assert inspect.iscoroutinefunction(awaited)
    assert not inspect.iscoroutinefunction(waits)
    assert awaited.__name__ == f"a{waits.__name__}"


@pytest.mark.parametrize("call", [check, repair, run, score], ids=lambda function: function.__name__)
def test_inside_an_event_loop_the_twin_is_named(call):
    async def inside():
        call("a.png", "b.mp4")

    with pytest.raises(RuntimeError, match=f"await a{call.__name__}"):
        asyncio.run(inside())


# --- wrong use --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (check, "Give an image, a video or both."),
        (lambda **more: check("a.png", orientation="sideways", **more), "orientation takes video or image."),
        (lambda **more: repair(out="out", **more), "Give an image, a video or both."),
        (lambda **more: run("a.png", "b.mp4", engine="other", **more), "engine takes preview or kling."),
        (lambda **more: run("a.png", "b.mp4", resolution="4k", **more), "resolution takes 720p or 1080p."),
        (lambda **more: run("a.png", "b.mp4", engine="kling", max_price_usd=1, **more), "RUNCOMFY_API_TOKEN"),
        (lambda **more: batch(out="out", **more), "A batch takes a manifest, or one image and one video at least."),
        (lambda **more: batch([], out="out", **more), "There are no rows."),
        (lambda **more: score("a.mp4", "b.mp4", orientation="up", **more), "orientation takes video or image."),
    ],
)
def test_what_cannot_be_meant_is_said_before_any_work(call, said, settings):
    with pytest.raises(SettingsError, match=said):
        call(settings=settings)


@pytest.mark.parametrize("price", [None, 0, -1, math.nan])
def test_nothing_is_sent_to_kling_without_a_price_limit(price, paid, paid_vendor, tmp_path):
    with pytest.raises(SettingsError, match="max_price_usd"):
        run("a.png", "b.mp4", engine="kling", max_price_usd=price, out=tmp_path / "out", settings=paid)
    assert (paid_vendor.submits, (tmp_path / "out").exists()) == (0, False)


def test_a_token_that_cannot_be_one_is_not_repeated(paid):
    with pytest.raises(SettingsError) as caught:
        run("a.png", "b.mp4", engine="kling", max_price_usd=1, token="two words", settings=paid)
    assert "two words" not in str(caught.value)


# --- checks and repairs -----------------------------------------------------------------------------------------------


def test_check_says_what_is_wrong(settings, person_png, dance_mp4):
    checked = check(str(person_png), dance_mp4, settings=settings)
    assert (checked.verdict, checked.is_blocked) == ("block", True)
    assert checked.headline.startswith("Would fail: the clip lasts 1.5 s")
    problem = checked.problems[0]
    assert (problem.rule, problem.severity, problem.may_accept) == ("video.duration", "block", False)
    assert "1.5 s" in problem.message
    assert problem.advice
    assert checked.usable_s == pytest.approx(1.5, abs=0.5)


def test_checks_are_awaited_side_by_side(settings, person_png, dance_mp4):
    async def both():
        return await asyncio.gather(acheck(person_png, settings=settings), acheck(video=dance_mp4, settings=settings))

    image, video = asyncio.run(both())
    assert (image.usable_s, image.is_blocked) == (None, False)
    assert video.is_blocked


def test_a_file_that_cannot_be_read_is_an_error_with_its_path(settings, tmp_path):
    path = tmp_path / "note.png"
    path.write_text("no picture")
    for call in (lambda: check(path, settings=settings), lambda: repair(path, out=tmp_path, settings=settings)):
        with pytest.raises(MediaError) as caught:
            call()
        assert caught.value.path == path


def test_repair_writes_copies_and_says_what_it_did(settings, person_png, tmp_path):
    webp, news = tmp_path / "me.webp", []
    with Image.open(person_png) as image:
        image.save(webp)
    repaired = repair(webp, out=tmp_path / "out", on_progress=news.append, settings=settings)
    assert repaired.image == tmp_path / "out" / "me-repaired.jpg"
    assert repaired.image.is_file()
    assert webp.is_file()
    assert repaired.video is None
    assert "Convert to JPEG" in repaired.repairs
    assert (repaired.before.is_blocked, repaired.after.is_blocked) == (True, False)
    assert news[0].words == "Looking at the inputs."
    assert news[-1].words == "Looking at the result."
    assert any(said.words.startswith("Convert to JPEG. ") for said in news)


def test_what_needs_no_repair_is_left_alone(settings, person_png, tmp_path):
    repaired = repair(person_png, out=tmp_path / "out", settings=settings)
    assert (repaired.image, repaired.repairs) == (person_png, ())
    assert repaired.after == repaired.before
    assert not (tmp_path / "out").exists()


# --- runs -------------------------------------------------------------------------------------------------------------


def test_a_run_that_the_checks_block_is_a_result(settings, person_png, dance_mp4, tmp_path):
    result = run(person_png, dance_mp4, out=tmp_path, settings=settings)
    assert (result.state, result.video, result.run_id, result.check.is_blocked) == ("blocked", None, None, True)
    with pytest.raises(RunError, match=r"Would fail: the clip lasts 1\.5 s"):
        result.raise_for_state()


@pytest.mark.slow
def test_a_preview_is_drawn_found_again_and_scored(settings, person_png, short_dance_mp4, tmp_path):
    news = []
    result = run(person_png, short_dance_mp4, out=tmp_path, on_progress=news.append, settings=settings)
    assert (result.state, result.engine, result.cost_usd) == ("completed", "preview", 0.0)
    assert result.raise_for_state() is result
    assert result.video == tmp_path / f"{person_png.stem}-short-dance-preview.mp4"
    assert result.video.stat().st_size > 1000
    assert result.run_id
    assert result.request_id
    assert any(said.words.startswith("Drawing the preview") and said.run for said in news)

    again = run(person_png, short_dance_mp4, out=tmp_path, on_progress=news.append, settings=settings)
    assert again.run_id == result.run_id
    assert again.video != result.video
    assert any(said.start == "same result" for said in news)

    match = score(short_dance_mp4, result.video, settings=settings)
    assert match.score == pytest.approx(result.motion_match, abs=0.5)
    assert match.score > 60


@pytest.mark.slow
def test_cancelling_ends_a_run(settings, person_png, short_dance_mp4, tmp_path):
    news = []

    async def cancel():
        begun = asyncio.Event()

        def on_progress(said):
            news.append(said.words)
            if said.run is not None and said.run.state == "in_progress":
                begun.set()

        work = arun(
            person_png, short_dance_mp4, prompt="Cancelled", out=tmp_path, on_progress=on_progress, settings=settings
        )
        running = asyncio.create_task(work)
        await asyncio.wait_for(begun.wait(), 60)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(running, 20)

    asyncio.run(cancel())
    assert news[-1].startswith("Stopped.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_paid_run_costs_no_more_than_was_allowed(paid, paid_vendor, person_png, short_dance_mp4, tmp_path):
    def kling(max_price_usd, **more):
        return run(
            person_png,
            short_dance_mp4,
            engine="kling",
            max_price_usd=max_price_usd,
            out=tmp_path / "out",
            settings=paid,
            **more,
        )

    with pytest.raises(RunError, match=r"would cost about \$0\.2\d, but it may cost \$0\.20\. Nothing was sent\."):
        kling(0.20)
    paid_vendor.rate_usd = None  # the price is not told
    with pytest.raises(RunError, match="not known at the moment"):
        kling(100)
    assert paid_vendor.submits == 0

    paid_vendor.rate_usd = 0.07
    result = kling(0.30).raise_for_state()
    assert (result.state, result.request_id, result.cost_usd) == ("completed", "req-1", 0.25)
    assert result.estimate_usd == pytest.approx(0.2275, abs=0.01)
    assert paid_vendor.submits == 1
    assert kling(0.01).request_id == "req-1", "what is paid already is given again"
    assert paid_vendor.submits == 1
    assert kling(math.inf, again=True, token="another-token-0123456789").request_id == "req-2"
    assert TOKEN not in repr(result)
