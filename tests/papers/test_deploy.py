"""The container and its companions: what they name exists, nothing secret is in them, and nobody runs as root."""

import fnmatch
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from packaging.specifiers import SpecifierSet

from kling_ui import settings

ROOT = Path(__file__).resolve().parents[2]
SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|KEY\b|ACCESS_KEY")


def steps() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile with their arguments."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in lines)]


def of(word: str) -> list[str]:
    return [rest for step, rest in steps() if step == word]


def composed() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def lets_in(path: str) -> bool:
    """Whether .dockerignore gives a path to a builder; the last line that fits decides."""
    taken = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!")
            fits = [pattern, f"{pattern}/*"] if "**" not in pattern else [pattern[3:], pattern]
            if any(fnmatch.fnmatchcase(path, one) or fnmatch.fnmatchcase(Path(path).name, one) for one in fits):
                taken = line.startswith("!")
    return taken


def test_what_is_copied_exists_and_is_let_in():
    copied = [name for rest in of("COPY") if not rest.startswith("--from") for name in rest.split()[:-1]]
    assert {"pyproject.toml", "uv.lock", "kling_ui"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists(), name
        assert lets_in(name), name
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = [*package["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"], package["project"]["readme"]]
    assert set(needed) <= set(copied), "the wheel could not be built"


@pytest.mark.parametrize("name", [".env", ".git/config", "kling_ui/.env.local", "tests/conftest.py", "notes.txt"])
def test_what_a_builder_has_no_use_for_stays_out(name):
    assert not lets_in(name)


def test_no_secret_is_built_in():
    built = " ".join(of("ENV") + of("ARG") + of("RUN"))
    assert not SECRET.search(built)
    for name, service in composed().items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable) and variable != "KLING_UI_TOKEN_FOR":
                assert re.fullmatch(r"\$\{[A-Z0-9_]+(:\?[^}]+|:-)\}", value), f"{variable} of {name}"


def test_it_runs_as_the_user_of_a_space_and_writes_to_its_data_only():
    assert of("USER") == ["app"]
    assert any("useradd --uid 1000" in rest and "--owner app" in rest and "/data" in rest for rest in of("RUN"))
    assert of("VOLUME") == ["/data"]
    app = composed()["app"]
    assert app["read_only"] is True
    assert app["cap_drop"] == ["ALL"]
    assert app["volumes"] == ["data:/data"]


def test_it_is_built_from_the_lock_with_the_uv_and_the_python_that_fit():
    syncs = [rest for rest in of("RUN") if rest.startswith("uv sync")]
    assert len(syncs) == 2
    assert all("--frozen" in rest and "--no-dev" in rest and "--extra postgres" in rest for rest in syncs)
    versions = {match[1] for rest in of("FROM") if (match := re.match(r"python:([\d.]+)-slim", rest))}
    assert len(versions) == 1
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert versions.pop() in SpecifierSet(project["requires-python"])
    assert of("CMD")[0] == '["kling-ui", "app"]'
    assert "kling-ui" in project["scripts"]


def test_the_health_check_asks_an_address_that_answers(monkeypatch):
    from fastapi import FastAPI  # noqa: PLC0415

    from kling_ui.ui.web.file_routes import add_routes  # noqa: PLC0415

    command = json.loads(of("HEALTHCHECK")[0].partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    asked = []
    monkeypatch.setenv("KLING_UI_PORT", "7999")
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: asked.append(url))
    exec(compile(command[2], "health check", "exec"), {})
    (url,) = asked
    assert url.startswith("http://127.0.0.1:7999/")
    app = FastAPI()
    add_routes(app, None, None)
    assert TestClient(app).get(url.removeprefix("http://127.0.0.1:7999")).json() == {"status": "ok"}


def test_what_is_set_is_a_setting():
    known = set(re.findall(r"\b(?:KLING_UI|RUNCOMFY|AWS)(?:_[A-Z0-9]+)+\b", Path(settings.__file__).read_text()))
    known |= {"AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}  # read by obstore
    named = set(re.findall(r"\b(?:KLING_UI|RUNCOMFY|AWS)(?:_[A-Z0-9]+)+\b", " ".join(of("ENV"))))
    named |= {name for name in composed()["app"]["environment"] if name != "PGPASSWORD"}
    assert "KLING_UI_LEDGER_URL" in named
    assert named <= known


def test_settings_of_compose_that_nobody_fills_in_are_as_if_unset(tmp_path):
    given = {
        name: re.sub(r"\$\{[A-Z0-9_]+:(?:-([^}]*)|\?[^}]*)\}", lambda found: found[1] or "", value)
        for name, value in composed()["app"]["environment"].items()
    }
    found = settings.Settings.from_env({**given, "KLING_UI_DATA_DIR": str(tmp_path), "KLING_UI_HOST": "0.0.0.0"})
    assert found.ledger_url == "postgresql://kling_ui@postgres/kling_ui"
    assert (found.token, found.public_url, found.store_url) == (None, None, "s3://kling-ui/inputs")


def test_who_waits_for_whom_is_there_and_can_be_seen_to_be_ready():
    services = composed()
    for service in services.values():
        for name, how in service.get("depends_on", {}).items():
            assert how["condition"] == "service_completed_successfully" or "healthcheck" in services[name]
    assert services["bucket"]["image"] == services["s3"]["image"]
    bucket = services["app"]["environment"]["KLING_UI_STORE_URL"].split("/")[2]
    assert services["bucket"]["command"][0].endswith(f"store/{bucket}")


def test_only_the_app_can_be_opened_to_others():
    opened = {name: service["ports"] for name, service in composed().items() if "ports" in service}
    assert opened.pop("app") == ["${BIND_TO:-127.0.0.1}:7860:7860"]
    assert all(port.startswith("127.0.0.1:") for ports in opened.values() for port in ports)


def test_postgresql_is_ready_only_when_it_answers_at_its_address():
    assert "--host=127.0.0.1" in composed()["postgres"]["healthcheck"]["test"]
