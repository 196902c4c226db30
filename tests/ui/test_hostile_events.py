"""Odd values for every event of the page: whatever comes, the answer is words, and no traceback is printed."""

import json
import random
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from kling_ui.errors import WorkError
from kling_ui.runs.engines import Engines
from kling_ui.runs.runner import open_runner
from kling_ui.ui.event_payload import UNFORESEEN
from kling_ui.ui.web import server
from kling_ui.ui.web.gradio_requests import DATA, JOIN

VISITOR = "v" * 43
BATCH = 8  # events of one tab before it reads
ROUNDS = 12  # of each event
ODD = (
    None,
    True,
    False,
    0,
    -1,
    1e308,
    -0.0,
    2**63 - 1,
    "",
    "kling",
    "preview",
    "video",
    "image",
    "1080p",
    "__proto__",
    "\ud800",
    "a\x00b",
    "🕺" * 40,
    "x" * 5000,
    "../../etc/passwd",
    "http://127.0.0.1/",
    "http://[::1",
    "https://example.org:99999/x.png",
    "javascript:alert(1)",
    "${7*7}{{7*7}}<b>",
    [],
    [[]],
    {},
    {"": None},
    [None, [], {}, True],
)
TOLD = {
    "id", "url", "ref", "seq", "recorded", "kinds", "span", "after", "orientation", "keep_sound", "run_id",
    "request_id", "image", "video", "before", "name", "loss", "joints",
    "mask", "query", "asked", "starred", "run_ids", "current", "rate_usd",
}  # fmt: skip


class _Values:
    """Makes values like those of the page, more or less.

    Args:
        seed: Gives the same ones again.
        honest: What stands in the page's elements when all is well.
    """

    def __init__(self, seed, honest):
        self._chance = random.Random(seed)
        self._honest = honest

    def value(self, part):
        honest = self._honest.get(part)
        kind = self._chance.random()
        if kind < 0.3:
            return honest
        return self._changed(honest) if kind < 0.7 else self._any(3)

    def told(self):
        names = self._chance.sample(sorted(TOLD), self._chance.randint(0, 6))
        known = {
            name: value
            for entries in self._honest.values()
            if isinstance(entries, dict)
            for name, value in entries.items()
        }
        told = {name: known.get(name) if self._chance.random() < 0.4 else self._any(2) for name in names}
        return told if self._chance.random() < 0.9 else self._any(3)

    def _changed(self, value):
        if isinstance(value, dict) and value and self._chance.random() < 0.9:
            name = self._chance.choice(sorted(value))
            return value | {name: self._changed(value[name])}
        if isinstance(value, list) and value and self._chance.random() < 0.9:
            return [self._changed(part) if self._chance.random() < 0.5 else part for part in value]
        return self._any(2)

    def _any(self, depth):
        kind = self._chance.random() if depth else 0.0
        if kind < 0.6:
            return self._chance.choice(ODD)
        parts = [self._any(depth - 1) for _ in range(self._chance.randint(0, 4))]
        if kind < 0.8:
            return parts
        names = self._chance.sample([*sorted(TOLD), "past", "request", "error", "busy", "facts"], len(parts))
        return dict(zip(names, parts, strict=True))


def _refused(_):
    return httpx.Response(503)


@pytest.fixture
def client(services, canned, tmp_path, monkeypatch):
    """The real app with a real ledger; only workers and the network are played."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    settings = replace(
        services.settings, token=SecretStr("t" * 32), ledger_url=f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    )
    workers = services.workers
    canned["render_lazily"] = WorkError("It cannot be drawn.")

    @asynccontextmanager
    async def opening(*_):
        engines = Engines(settings, workers, tmp_path / "preview", remote=httpx.MockTransport(_refused))
        async with (
            open_runner(settings, workers, engines=engines) as runner,
            httpx.AsyncClient(transport=httpx.MockTransport(_refused)) as http,
        ):
            yield replace(services, settings=settings, runner=runner, http=http)

    with TestClient(server.build_app(settings, opening), base_url="http://127.0.0.1") as opened:
        yield opened


def _honest(config, services):
    """Give what stands in the page's elements when all is well."""
    example = services.examples
    image, video = (services.signed_files.sign(next(example.glob(name))) for name in ("*.png", "*.mp4"))
    version = {
        "ref": image,
        "repairs": [["image.convert", "Convert"]],
        "span": [0.5, 3.5],
        "picture": image,
        "origin": None,
    }
    slots = {
        name: {"ref": ref, "facts": [["Size", "7"]], "busy": "", "current": version | {"ref": ref}, "past": [version]}
        for name, ref in (("image-slot", image), ("video-slot", video))
    }
    run_request = {
        "image": image,
        "video": video,
        "prompt": "x",
        "orientation": "video",
        "keep_sound": True,
        "accepted": True,
    }
    known = slots | {
        "orientation": "video",
        "resolution": "720p",
        "keep-sound": True,
        "prompt": "A person in a garden",
        "accepted": False,
        "engine": "kling",
        "token": "",
        "token-line": {"kept_s": 3000},
        "run-request": run_request,
        "shown-rate": {"rate_usd": 0.07},
        "kling_ui.visitor": VISITOR,
        "kling_ui.inputs": {
            "image": slots["image-slot"],
            "video": slots["video-slot"],
            "prompt": "x",
            "orientation": "image",
        },
    }
    names = {
        part["id"]: part["props"].get("elem_id") or part["props"].get("storage_key") for part in config["components"]
    }
    return {number: known.get(name) for number, name in names.items()}


def _join(client, event, values, told, session):
    trigger = next((target[0] for target in event["targets"] if isinstance(target[0], int)), None)
    body = {"data": values, "fn_index": event["id"], "session_hash": session, "event_data": told, "trigger_id": trigger}
    return client.post(JOIN, content=json.dumps(body), headers={"Content-Type": "application/json"})


def _read(client, session):
    answer = client.get(DATA, params={"session_hash": session})
    assert answer.status_code == 200
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]


def _quiet(capfd, caplog):
    said = "".join(capfd.readouterr()) + caplog.text
    assert "Traceback" not in said, said[said.index("Traceback") :][:4000]
    assert not any(record.exc_info for record in caplog.records)
    return said


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_odd_values_are_answered_in_words(client, services, capfd, caplog, seed):
    config = client.get("/config").json()
    values = _Values(seed, _honest(config, services))
    events = [event for event in config["dependencies"] if event["backend_fn"]] * (ROUNDS // 3)
    answers: Counter[str] = Counter()
    for start in range(0, len(events), BATCH):
        batch, session = events[start : start + BATCH], f"tab{start}"
        for event in batch:
            joined = _join(client, event, [values.value(part) for part in event["inputs"]], values.told(), session)
            assert joined.status_code == 200, joined.text
        messages = _read(client, session)
        ended = [message for message in messages if message["msg"] == "process_completed"]
        assert messages[-1]["msg"] == "close_stream"
        for message in ended:
            answers["done" if message["success"] else message["output"]["error"]] += 1
            assert message["success"] or message["output"]["error"].strip(), message
    said = _quiet(capfd, caplog)
    assert UNFORESEEN not in said, said
    assert answers.total() == len(events), answers


@pytest.mark.parametrize(
    "change",
    [
        {"fn_index": 999},
        {"fn_index": -1},
        {"fn_index": "36"},
        {"fn_index": None},
        {"fn_index": "js_fn"},  # happens in the browser only
        {"data": []},
        {"data": [1, 2, 3, 4, 5, 6, 7]},
        {"trigger_id": 10**6},
        {"session_hash": "x" * 300_000},
    ],
)
def test_events_that_the_page_does_not_have_are_refused_in_words(client, capfd, caplog, change):
    numbers = {event["api_name"]: event["id"] for event in client.get("/config").json()["dependencies"]}
    body = {"data": [VISITOR], "fn_index": numbers["on_arrival"], "session_hash": "tab", "trigger_id": 0}
    body |= {"event_data": None} | change
    body["fn_index"] = numbers.get(body["fn_index"], body["fn_index"])
    answer = client.post(JOIN, json=body)
    assert answer.status_code in {400, 413}
    assert answer.json()["detail"].endswith(".")
    _quiet(capfd, caplog)


@pytest.mark.parametrize(
    "session", ["", "unknown", "x" * 10_000, "\ud83d".encode("utf-8", "surrogatepass").decode("latin-1")]
)
def test_messages_of_an_unknown_tab_are_refused_in_words(client, capfd, caplog, session):
    (told,) = _read(client, session)
    assert (told["msg"], told["session_not_found"]) == ("unexpected_error", True)
    _quiet(capfd, caplog)


@pytest.mark.parametrize("engine", [None, "", "sora", 7, [], {}, True])
def test_an_unknown_engine_means_the_free_one(client, services, engine):
    config = client.get("/config").json()
    honest = _honest(config, services)
    (event,) = [event for event in config["dependencies"] if event["api_name"] == "cost"]
    assert (
        _join(client, event, [engine, *(honest[number] for number in event["inputs"][1:])], None, "tab").status_code
        == 200
    )
    (done,) = [message for message in _read(client, "tab") if message["msg"] == "process_completed"]
    assert done["output"]["data"][0] == {"words": "The preview is free: this app draws it, and nothing goes to Kling."}


def test_neither_the_page_nor_its_config_tells_of_functions(client):
    for text in (client.get("/config").text, client.get("/").text):
        assert "<function" not in text
        assert "functools.partial" not in text
        assert " at 0x" not in text
