"""The front matter that makes a Hugging Face Space of this repository: known keys, versions that are installed."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from kling_ui.ui.web.login import SCOPE

ROOT = Path(__file__).resolve().parents[2]
# https://huggingface.co/docs/hub/spaces-config-reference
KEYS = set(
    re.findall(
        r"\w+",
        "title emoji colorFrom colorTo sdk python_version sdk_version suggested_hardware suggested_storage app_file "
        "app_port base_path fullWidth header short_description models datasets tags thumbnail pinned license hf_oauth "
        "hf_oauth_scopes hf_oauth_expiration_minutes disable_embedding startup_duration_timeout custom_headers "
        "preload_from_hub",
    )
)
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
BY_DEFAULT = {"openid", "profile"}  # scopes of every login


@pytest.fixture(scope="module")
def front() -> dict[str, Any]:
    _, front, _ = (ROOT / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(front)


def test_only_what_a_space_understands_is_set(front):
    assert set(front) <= KEYS
    assert {front["colorFrom"], front["colorTo"]} <= COLOURS
    assert len(front["short_description"]) <= 60
    assert front["suggested_hardware"] in {"cpu-basic", "cpu-upgrade"}
    assert (front["license"], front["sdk"]) == ("apache-2.0", "gradio")
    assert all(re.fullmatch(r"[a-z0-9-]+", tag) for tag in front["tags"])
    assert len(set(front["tags"])) == len(front["tags"])


def test_a_space_gets_the_versions_that_are_locked(front):
    assert f"gradio=={front['sdk_version']}" in (ROOT / "requirements.txt").read_text().splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert isinstance(front["python_version"], str), "3.10 would be read as 3.1"
    assert front["python_version"] in SpecifierSet(project["requires-python"])
    assert (ROOT / front["app_file"]).is_file()


def test_a_login_may_do_what_the_app_asks_for_and_no_more(front):
    assert front["hf_oauth"] is True
    assert set(SCOPE.split()) == BY_DEFAULT | set(front.get("hf_oauth_scopes", []))


def test_every_secret_of_a_copy_is_named_where_it_is_told_how_to_make_one():
    readme = (ROOT / "README.md").read_text()
    told = readme.partition("**Duplicate this Space**")[2].partition("Persistent storage")[0]
    secrets = {"RUNCOMFY_API_TOKEN", "KLING_UI_LEDGER_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert secrets <= set(re.findall(r"`([A-Z0-9_]+)`", told))
