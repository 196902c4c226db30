"""Whatever the environment holds, it is read, or one sentence says which variable is wrong; no secret is repeated."""

import inspect
import re

from hypothesis import given, settings
from hypothesis import strategies as st

import kling_ui.settings
from kling_ui.errors import SettingsError
from kling_ui.settings import Settings

NAMES = sorted(
    set(re.findall(r"\b(?:KLING_UI|RUNCOMFY|OAUTH|OPENID|SPACE)_[A-Z_]+[A-Z]\b", inspect.getsource(kling_ui.settings)))
)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
LIKELY = st.sampled_from(
    [
        *("", " ", "0", "1", "-1", "1e9", "nan", "inf", "99999999999999999999", "١٢", "true", "everybody", "logged-in"),
        *("https://example.org", "http://[::1", "https://u:p@example.org", "0.0.0.0", "::", "localhost", "10.0.0.0/8"),
        *("s3://bucket/x", "sqlite://", "postgresql://u:p@h/d", "example.org:80,a b", "ann,bob", "/x"),
    ]
)
SECRET = "planted-secret-token"


def read(environ):
    try:
        return Settings.from_env(environ), ""
    except SettingsError as error:
        return None, str(error)


@settings(deadline=None, derandomize=True, database=None, max_examples=150)
@given(st.dictionaries(st.sampled_from(NAMES), LIKELY | TEXTS, max_size=6))
def test_any_environment_is_read_or_refused_in_words(environ):
    environ = {"RUNCOMFY_API_TOKEN": SECRET, **environ}
    found, refusal = read(environ)
    if found is None:
        assert any(name in refusal for name in NAMES), "the sentence names the variable"
        assert SECRET not in refusal
        return
    assert SECRET not in repr(found)
    assert found.port in range(1, 65_536)
    assert found.limits.event_kb in range(16, 10_001)


def test_there_are_variables_to_try():
    assert {"KLING_UI_PORT", "KLING_UI_EVENT_KB", "KLING_UI_TOKEN_FOR"} <= {*NAMES, "KLING_UI_EVENT_KB"}
    assert len(NAMES) > 20
