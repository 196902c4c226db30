import os
from ipaddress import ip_network
from pathlib import Path

import pytest

from kling_ui.disks import Disk, disk_of
from kling_ui.errors import SettingsError
from kling_ui.quotas import DailyQuota, DailyQuotas
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
        ("KLING_UI_SCHEDULER", "http://scheduler:8786"),
        ("KLING_UI_SCHEDULER", "tcp://scheduler"),
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
        ("KLING_UI_JOB_MB", "1023"),
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


# --- where things are kept --------------------------------------------------------------------------------------------

ROOT_LINE = "overlay / overlay rw 0 0\nproc /proc proc rw 0 0\n"


@pytest.fixture
def mounted(tmp_path):
    """A function that says what is mounted on a folder, as Linux would, and gives folder and table."""

    def write(line: str, name: str = "data") -> dict[str, Path]:
        folder, table = tmp_path / name, tmp_path / "mounts"
        folder.mkdir(exist_ok=True)
        source, _, rest = line.partition(" ")
        shown = str(folder).replace(" ", "\\040")
        table.write_text(ROOT_LINE + (f"{source} {shown} {rest} rw,relatime 0 0\n" if line else ""))
        return {"persistent": folder, "mounts": table}

    return write


DISKS = [
    ("/dev/vda1 ext4", Disk.LOCAL),
    ("/dev/sdb xfs", Disk.LOCAL),
    ("tmpfs tmpfs", Disk.LOCAL),
    ("/dev/sdc1 fuseblk", Disk.LOCAL),
    ("fuse-overlayfs fuse.fuse-overlayfs", Disk.LOCAL),
    ("gocryptfs fuse.gocryptfs", Disk.LOCAL),
    ("/home/ann/ext4-image fuse.ext4", Disk.LOCAL),
    ("none 9p", Disk.LOCAL),
    ("server:/export nfs", Disk.NETWORK),
    ("10.0.0.5:/ nfs4", Disk.NETWORK),
    ("//server/share cifs", Disk.NETWORK),
    ("ann@host:/home fuse.sshfs", Disk.NETWORK),
    ("JuiceFS:myjfs fuse.juicefs", Disk.NETWORK),
    ("something fuse", Disk.NETWORK),
    ("s3fs fuse.s3fs", Disk.BUCKET),
    ("bucket fuse.gcsfuse", Disk.BUCKET),
    ("remote:bucket fuse.rclone", Disk.BUCKET),
    ("mountpoint-s3 fuse", Disk.BUCKET),
    ("blobfuse2 fuse", Disk.BUCKET),
    ("hf-mount fuse", Disk.BUCKET),
]


@pytest.mark.parametrize(("line", "disk"), DISKS)
def test_what_a_folder_lies_on_is_known_by_its_mount(mounted, line, disk):
    where = mounted(line)
    assert disk_of(where["persistent"] / "deeper" / "still", where["mounts"]) is disk
    assert disk_of(where["persistent"].parent / "beside", where["mounts"]) is Disk.LOCAL
    assert disk_of(where["persistent"].with_name("data-too"), where["mounts"]) is Disk.LOCAL
    settings = {"KLING_UI_DATA_DIR": str(where["persistent"])}
    if disk is Disk.BUCKET:
        with pytest.raises(SettingsError, match="KLING_UI_LEDGER_URL") as raised:
            Settings.from_env(settings, **where)
        assert "postgresql://" in raised.value.advice
    else:
        assert Settings.from_env(settings, **where).ledger_disk is disk
    elsewhere = settings | {"KLING_UI_LEDGER_URL": "postgresql://ann@host/ledger"}
    found = Settings.from_env(elsewhere, **where)
    assert (found.ledger_disk, found.data_dir) == (Disk.LOCAL, where["persistent"])


def test_a_name_with_blanks_and_a_mount_over_a_mount_are_understood(mounted):
    where = mounted("server:/export nfs4", name="my data")
    assert disk_of(where["persistent"], where["mounts"]) is Disk.NETWORK
    shown = str(where["persistent"]).replace(" ", "\\040")
    where["mounts"].write_text(where["mounts"].read_text() + f"/dev/vdb {shown} ext4 rw 0 0\n")
    assert disk_of(where["persistent"], where["mounts"]) is Disk.LOCAL


@pytest.mark.parametrize("text", ["", "nonsense", "\0\n / \n", None])
def test_where_the_system_does_not_tell_a_disk_is_believed_to_be_local(tmp_path, text):
    table = tmp_path / "mounts"
    if text is not None:
        table.write_text(text)
    assert disk_of(tmp_path, table) is Disk.LOCAL
    assert Settings.from_env({"KLING_UI_DATA_DIR": str(tmp_path)}, mounts=table).ledger_disk is Disk.LOCAL


@pytest.mark.parametrize(
    "url", ["sqlite:///{}/l.sqlite", "sqlite+pysqlite:///{}/l.sqlite", "sqlite:///{}/l.sqlite?timeout=5"]
)
def test_a_ledger_that_is_named_is_looked_at_itself(mounted, tmp_path, url):
    where = mounted("s3fs fuse.s3fs")
    named = {"KLING_UI_DATA_DIR": str(tmp_path), "KLING_UI_LEDGER_URL": url.format(where["persistent"])}
    with pytest.raises(SettingsError, match="bucket"):
        Settings.from_env(named, **where)
    assert Settings.from_env(named | {"KLING_UI_LEDGER_URL": "sqlite://"}, **where).ledger_disk is Disk.LOCAL


A_SPACE = {"SPACE_ID": "ann/demo"}


def test_a_space_keeps_things_on_its_persistent_storage(mounted):
    where = mounted("/dev/vdb ext4")
    settings = Settings.from_env(A_SPACE, **where)
    assert (settings.data_dir, settings.is_lasting) == (where["persistent"], True)
    assert settings.ledger_url == f"sqlite:///{where['persistent']}/ledger.sqlite"
    assert Settings.from_env({}, **where).data_dir == Settings.data_dir.resolve(), "elsewhere /data is somebody else's"


def test_a_space_without_persistent_storage_keeps_things_at_home_and_knows_that_they_do_not_last(mounted, tmp_path):
    where = mounted("")
    missing = where | {"persistent": tmp_path / "missing"}
    settings = Settings.from_env(A_SPACE, **missing)
    assert (settings.data_dir, settings.is_lasting) == (Settings.data_dir.resolve(), False)
    assert not Settings.from_env(A_SPACE, **where).is_lasting, "a folder of the container's own"
    assert Settings.from_env({}, **missing).is_lasting, "no Space"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_persistent_storage_that_cannot_be_written_to_is_not_used(mounted):
    where = mounted("/dev/vdb ext4")
    where["persistent"].chmod(0o500)
    assert Settings.from_env(A_SPACE, **where).data_dir == Settings.data_dir.resolve()


def test_a_space_uses_a_bucket_for_files_only_and_only_with_a_ledger_elsewhere(mounted):
    where = mounted("hf-mount fuse")
    assert Settings.from_env(A_SPACE, **where).data_dir == Settings.data_dir.resolve()
    named = A_SPACE | {"KLING_UI_LEDGER_URL": "postgresql://ann@host/ledger"}
    assert Settings.from_env(named, **where).data_dir == where["persistent"]


@pytest.mark.parametrize(
    ("text", "space_id"), [("ann/demo", "ann/demo"), ("ann/demo?x=y", None), ("[a](b)", None), ("", None)]
)
def test_the_space_is_known_by_its_name(text, space_id, tmp_path):
    assert Settings.from_env({"SPACE_ID": text, "KLING_UI_DATA_DIR": str(tmp_path)}).space_id == space_id


def test_nothing_is_limited_where_only_this_machine_can_reach_the_app():
    settings = Settings.from_env({})
    assert not settings.quotas.is_set
    assert settings.pause is None


def test_a_public_app_limits_what_one_visitor_takes_in_a_day_unless_that_is_lifted():
    public = {"KLING_UI_HOST": "0.0.0.0"}
    usual = Settings.from_env(public).quotas
    assert usual.visitor == DailyQuota(previews=200, uploads=600, size_bytes=20e9)
    assert (usual.address, usual.total) == (DailyQuota(), DailyQuota())
    assert not Settings.from_env({**public, "KLING_UI_QUOTA_VISITOR": "none"}).quotas.is_set
    given = {"KLING_UI_QUOTA_VISITOR": "runs=5", "KLING_UI_QUOTA_ADDRESS": "runs=9", "KLING_UI_QUOTA_TOTAL": "usd=20"}
    assert Settings.from_env(public | given).quotas == DailyQuotas(
        visitor=DailyQuota(runs=5), address=DailyQuota(runs=9), total=DailyQuota(usd=20)
    )


@pytest.mark.parametrize(
    ("name", "value"), [("KLING_UI_QUOTA_ADDRESS", "runs=many"), ("KLING_UI_PAUSE", "yes")], ids=["quota", "pause"]
)
def test_a_wrong_quota_or_pause_stops_the_start(name, value):
    with pytest.raises(SettingsError, match=f"^{name} takes "):
        Settings.from_env({name: value})


def test_a_scheduler_is_taken_with_a_store():
    environ = {"KLING_UI_SCHEDULER": "tls://[::1]:8786", "KLING_UI_STORE_URL": "s3://bucket/kling"}
    assert Settings.from_env(environ).scheduler == "tls://[::1]:8786"


def test_a_scheduler_needs_a_store():
    with pytest.raises(SettingsError, match="KLING_UI_SCHEDULER needs KLING_UI_STORE_URL"):
        Settings.from_env({"KLING_UI_SCHEDULER": "tcp://host:8786"})
