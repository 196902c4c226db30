from ipaddress import ip_network
from pathlib import Path

import pytest

from kling_ui.errors import SettingsError
from kling_ui.settings import API_BASE, Settings, TokenFor


def test_defaults_need_nothing_from_the_environment():
    settings = Settings.from_env({})
    assert settings.token is None
    assert settings.api_base == API_BASE
    assert (settings.host, settings.port) == ("127.0.0.1", 7860)
    assert settings.ledger_url == f"sqlite:///{settings.data_dir / 'ledger.sqlite'}"


@pytest.mark.parametrize("name", ["RUNCOMFY_API_TOKEN", "RUNCOMFY_TOKEN"])
def test_a_token_is_read_and_hidden(name):
    settings = Settings.from_env({name: " planted-token "})
    assert settings.token is not None
    assert settings.token.get_secret_value() == "planted-token"
    assert "planted-token" not in repr(settings) + str(settings)


def test_the_longer_name_of_the_token_wins():
    settings = Settings.from_env({"RUNCOMFY_TOKEN": "other", "RUNCOMFY_API_TOKEN": "main"})
    assert settings.token is not None
    assert settings.token.get_secret_value() == "main"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RUNCOMFY_API_TOKEN", "two words"),
        ("RUNCOMFY_TOKEN", "x" * 4097),
        ("KLING_UI_API_BASE", "ftp://example.org"),
        ("KLING_UI_API_BASE", "my-host"),
        ("KLING_UI_API_BASE", "https://user@example.org"),
        ("KLING_UI_PUBLIC_URL", "https://example.org/?a=b"),
        ("KLING_UI_PORT", "0"),
        ("KLING_UI_PORT", "65536"),
        ("KLING_UI_PORT", "eighty"),
        ("KLING_UI_WORKERS", "-1"),
        ("KLING_UI_BUDGET_SESSION_USD", "$5"),
        ("KLING_UI_BUDGET_SESSION_USD", "-1"),
        ("KLING_UI_BUDGET_SESSION_USD", "nan"),
        ("KLING_UI_BUDGET_DAY_USD", "1e3"),
        ("KLING_UI_BUDGET_DAY_USD", "1000000"),
        ("KLING_UI_BUDGET_DAY_USD", "5,00"),
        ("KLING_UI_STORE_URL", "https://bucket.example.org/x"),
        ("KLING_UI_STORE_URL", "s3://"),
        ("KLING_UI_STORE_URL", "s3://Bucket/x"),
        ("KLING_UI_STORE_URL", "s3://key:secret@bucket/x"),
        ("KLING_UI_STORE_URL", "s3://bucket/x?endpoint=y"),
        ("KLING_UI_STORE_URL", "s3://bucket/../x"),
        ("KLING_UI_STORE_URL", "s3://bucket//x"),
        ("KLING_UI_LEND_HOURS", "0"),
        ("KLING_UI_LEND_HOURS", "169"),
        ("KLING_UI_LEND_HOURS", "1.5"),
        ("KLING_UI_MODEL_ID", "kling//x"),
        ("KLING_UI_MODEL_ID", "../admin"),
        ("KLING_UI_TOKEN_FOR", "ann bob"),
        ("KLING_UI_TOKEN_FOR", "ann,,bob"),
        ("KLING_UI_HOSTS", "http://box.local"),
        ("KLING_UI_HOSTS", "box.local:80"),
        ("KLING_UI_TRUSTED_PROXIES", "everybody"),
        ("KLING_UI_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("KLING_UI_EVENT_KB", "15"),
        ("KLING_UI_SESSIONS_MAX", "9"),
        ("KLING_UI_SESSION_MINUTES", "0"),
        ("KLING_UI_PREVIEWS_EACH", "0"),
        ("KLING_UI_CHECKS_EACH", "two"),
        ("KLING_UI_UPLOADS_EACH_GB", "0"),
        ("KLING_UI_UPLOAD_MINUTES", "1441"),
        ("KLING_UI_FREE_DISK_GB", "-1"),
        ("KLING_UI_KEEP_DAYS", "0"),
        ("KLING_UI_DISK_PERCENT", "101"),
    ],
)
def test_a_wrong_value_names_its_variable_in_one_line_and_keeps_it_to_itself(name, value):
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({name: value})
    message = str(caught.value)
    assert message.startswith(f"{name} takes ")
    assert "\n" not in message
    assert len(value) < 6 or value not in message


def test_values_are_read(tmp_path):
    settings = Settings.from_env(
        {
            "KLING_UI_API_BASE": "http://127.0.0.1:8000/",
            "KLING_UI_DATA_DIR": str(tmp_path),
            "KLING_UI_HOST": "0.0.0.0",
            "KLING_UI_PORT": "65535",
            "KLING_UI_PUBLIC_URL": "https://demo.example.org/kling/",
            "KLING_UI_WORKERS": "3",
        }
    )
    assert settings.api_base == "http://127.0.0.1:8000"
    assert settings.data_dir == Path(tmp_path).resolve()
    assert (settings.host, settings.port, settings.workers) == ("0.0.0.0", 65535, 3)
    assert settings.public_url == "https://demo.example.org/kling"


@pytest.mark.parametrize(("text", "usd"), [("0", 0.0), ("5", 5.0), ("2.50", 2.5), ("", None)])
def test_budgets_are_read_and_none_is_set_by_default(text, usd):
    settings = Settings.from_env({"KLING_UI_BUDGET_SESSION_USD": text, "KLING_UI_BUDGET_DAY_USD": text})
    assert (settings.budget_session_usd, settings.budget_day_usd) == (usd, usd)
    assert Settings.from_env({}).budget_day_usd is None


@pytest.mark.parametrize(
    ("text", "url"),
    [("s3://my-bucket", "s3://my-bucket"), ("s3://my.bucket/a/b_c/", "s3://my.bucket/a/b_c"), ("", None)],
)
def test_a_store_is_a_bucket_and_a_folder(text, url):
    assert Settings.from_env({"KLING_UI_STORE_URL": text}).store_url == url


@pytest.mark.parametrize(("text", "hours"), [("1", 1), ("168", 168), ("", 24)])
def test_the_hours_of_a_loan(text, hours):
    assert Settings.from_env({"KLING_UI_LEND_HOURS": text}).publish_hours == hours


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, None),
        ({"SPACE_HOST": "ann-demo.hf.space"}, None),  # not on a Space
        ({"SPACE_ID": "ann/demo"}, None),
        ({"SPACE_ID": "ann/demo", "SPACE_HOST": "ann-demo.hf.space"}, "https://ann-demo.hf.space"),
        ({"SPACE_ID": "ann/demo", "SPACE_HOST": "Ann-demo.hf.space, demo.ann.org"}, "https://ann-demo.hf.space"),
        ({"SPACE_ID": "ann/demo", "SPACE_HOST": "ann@evil.example/"}, None),
        ({"KLING_UI_PUBLIC_URL": "https://a.example/b/"}, "https://a.example/b"),
        (
            {"KLING_UI_PUBLIC_URL": "https://a.example", "SPACE_ID": "ann/demo", "SPACE_HOST": "ann-demo.hf.space"},
            "https://a.example",
        ),
    ],
)
def test_where_the_outside_world_may_reach_this_app(environ, url):
    assert Settings.from_env(environ).outside_url == url


def test_a_space_listens_on_every_address():
    assert Settings.from_env({"SPACE_ID": "someone/space"}).host == "0.0.0.0"


SPACE = {
    "SPACE_ID": "ann/space",
    "SPACE_HOST": "my-space.hf.space,app.example.org",
    "OAUTH_CLIENT_ID": "client",
    "OAUTH_CLIENT_SECRET": "planted-secret",
    "OPENID_PROVIDER_URL": "https://provider.example",
}


def test_a_space_may_let_visitors_log_in():
    login = Settings.from_env(SPACE).login
    assert login is not None
    assert (login.host, login.client_id, login.provider_url) == (
        "my-space.hf.space",
        "client",
        "https://provider.example",
    )
    assert login.client_secret.get_secret_value() == "planted-secret"
    assert "planted-secret" not in repr(Settings.from_env(SPACE))


@pytest.mark.parametrize("missing", SPACE)
def test_a_login_needs_a_space_and_all_that_it_sets(missing):
    assert Settings.from_env({name: value for name, value in SPACE.items() if name != missing}).login is None


@pytest.mark.parametrize(
    ("environ", "is_public"),
    [
        ({}, False),
        ({"KLING_UI_HOST": "localhost"}, False),
        ({"KLING_UI_HOST": "::1"}, False),
        ({"KLING_UI_HOST": "0.0.0.0"}, True),
        ({"KLING_UI_HOST": "box.local"}, True),
        ({"KLING_UI_PUBLIC_URL": "https://demo.example.org"}, True),
        ({"SPACE_ID": "ann/demo"}, True),
        ({"SPACE_ID": "ann/demo", "KLING_UI_HOST": "127.0.0.1"}, True),
    ],
)
def test_whether_others_can_reach_the_app(environ, is_public):
    settings = Settings.from_env(environ)
    assert settings.is_public is is_public
    assert settings.app_token_for is (TokenFor.NOBODY if is_public else TokenFor.EVERYBODY)
    assert settings.limits.keep_days == (30 if is_public else None)


OPENED = SPACE | {"RUNCOMFY_API_TOKEN": "planted-token", "KLING_UI_BUDGET_DAY_USD": "8"}


@pytest.mark.parametrize(
    ("text", "token_for", "accounts"),
    [
        ("nobody", TokenFor.NOBODY, set()),
        ("everybody", TokenFor.EVERYBODY, set()),
        ("Logged-In", TokenFor.LOGGED_IN, set()),
        ("Ann, bob_2", TokenFor.LISTED, {"ann", "bob_2"}),
    ],
)
def test_for_whom_the_apps_token_pays(text, token_for, accounts):
    settings = Settings.from_env(OPENED | {"KLING_UI_TOKEN_FOR": text})
    assert (settings.app_token_for, settings.token_accounts) == (token_for, accounts)
    assert settings.visitor_share_usd == 2.0
    assert Settings.from_env(OPENED | {"KLING_UI_BUDGET_VISITOR_USD": "5"}).visitor_share_usd == 5.0


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"KLING_UI_BUDGET_DAY_USD": ""}, "everybody"),
        ({"OAUTH_CLIENT_ID": ""}, "ann"),
        ({"OAUTH_CLIENT_ID": ""}, "logged-in"),
    ],
)
def test_the_apps_token_is_not_opened_by_half_a_setting(environ, text):
    with pytest.raises(SettingsError, match=r"^KLING_UI_TOKEN_FOR takes nobody"):
        Settings.from_env(OPENED | environ | {"KLING_UI_TOKEN_FOR": text})


def test_hosts_and_proxies():
    settings = Settings.from_env(SPACE | {"KLING_UI_HOSTS": "Box.local, demo.example.org"})
    assert settings.hosts == ("box.local", "demo.example.org", "my-space.hf.space", "app.example.org")
    assert any(network == ip_network("10.0.0.0/8") for network in settings.trusted_proxies)
    assert Settings.from_env({}).trusted_proxies == ()
    assert Settings.from_env({"KLING_UI_TRUSTED_PROXIES": "10.0.0.5"}).trusted_proxies == (ip_network("10.0.0.5/32"),)
