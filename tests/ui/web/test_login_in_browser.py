"""Logging in and out in Chromium: the app behind https under a Space's name, alone and in a frame."""

import datetime
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.sync_api import expect, sync_playwright
from run_records import a_run

from kling_ui.options import TransferOptions
from kling_ui.runs.ledger.store import Store
from kling_ui.runs.record import EngineName, RunState

ROOT = Path(__file__).parents[3]
SERVE = """
import sys, uvicorn
from kling_ui.settings import Settings
from kling_ui.ui.web.server import build_app
port, certificate, key = sys.argv[1:]
uvicorn.run(build_app(Settings.from_env()), port=int(port), ssl_certfile=certificate, ssl_keyfile=key,
            log_level="warning", proxy_headers=False, timeout_graceful_shutdown=3)
"""
HUB = "https://huggingface.co/spaces/ann/space"
NAME = "<img src=x onerror=alert(1)>"

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def _certificate(folder, host):
    """Make a certificate that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    pem, plain = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    (folder / "crt.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, plain, serialization.NoEncryption()))


@pytest.fixture
def space(provider, played, tmp_path):
    """The port of the app as a Space runs it."""
    _certificate(tmp_path, played.SPACE)
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    env = os.environ | {"KLING_UI_DATA_DIR": str(tmp_path / "data"), "KLING_UI_WORKERS": "1"}
    env |= {"SPACE_ID": "ann/space", "SPACE_HOST": played.SPACE, "OPENID_PROVIDER_URL": provider.url}
    env |= {"OAUTH_CLIENT_ID": played.CLIENT_ID, "OAUTH_CLIENT_SECRET": played.CLIENT_SECRET}
    command = [sys.executable, "-c", SERVE, str(port), str(tmp_path / "crt.pem"), str(tmp_path / "key.pem")]
    with (tmp_path / "said.txt").open("w") as said, subprocess.Popen(command, cwd=ROOT, env=env, stderr=said) as app:
        until = time.monotonic() + 120
        while time.monotonic() < until and app.poll() is None:
            try:
                httpx.get(f"https://127.0.0.1:{port}/health", verify=False)
                break
            except httpx.TransportError:
                time.sleep(0.2)
        yield port
        app.terminate()
        app.wait(30)
    text = (tmp_path / "said.txt").read_text()
    assert not any(secret in text for secret in (played.CLIENT_SECRET, played.ACCESS_TOKEN, played.REFRESH_TOKEN))


@pytest.fixture
def browser(space, played, chromium_path):
    rules = f"MAP {played.SPACE} 127.0.0.1:{space}"
    switches = ["--no-sandbox", "--disable-gpu", "--disable-quic", f"--host-resolver-rules={rules}"]
    switches += ["--disable-features=LocalNetworkAccessChecks"]  # the Space is on this machine, the Hub seems not to be
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium_path, args=switches)
        yield opened
        opened.close()


@pytest.fixture
def add_run(tmp_path, space):
    """Enters a run into the ledger of the app."""

    def add(visitor, prompt):
        store = Store(f"sqlite:///{tmp_path / 'data' / 'ledger.sqlite'}")
        now, run_id = time.time(), prompt.encode().hex().ljust(32, "0")[:32]
        store.add(
            a_run(
                run_id=run_id,
                visitor=visitor,
                engine=EngineName.PREVIEW,
                state=RunState.FAILED,
                created_at=now,
                changed_at=now,
                fingerprint=run_id,
                choice=TransferOptions(prompt),
                error=f"Failed {prompt}.",
            )
        )
        store.close()

    return add


def _open(browser, address):
    page = browser.new_context(ignore_https_errors=True, reduced_motion="reduce").new_page()
    page.on("dialog", lambda dialog: pytest.fail(f"the page ran what a name said: {dialog.message}"))
    page.goto(address)
    page.wait_for_selector("#run")
    return page


def _visitor(page):
    """Read the browser's id, which Gradio keeps scrambled, once the app has answered."""
    page.wait_for_function("() => Object.keys(localStorage).some((key) => key.includes('kling_ui.visitor'))")
    return page.evaluate("() => Object.entries(localStorage).filter(([key]) => key.includes('kling_ui.visitor'))")


def test_runs_follow_the_account_and_stay_with_it(browser, add_run, played, provider, tmp_path):
    provider.who = played.ANN | {"preferred_username": NAME}
    home = f"https://{played.SPACE}/"
    page = _open(browser, home)
    link = page.get_by_role("link", name="Log in with Hugging Face")
    expect(link).to_be_visible()
    link.click()
    page.wait_for_url(home)
    expect(page.locator(".account-name")).to_have_text(NAME)  # as text
    assert page.evaluate("() => document.cookie") == ""  # scripts cannot read it
    add_run(f"hf:{played.ANN['sub']}", "at-sea")
    page.reload()
    expect(page.locator("#status")).to_contain_text("Failed at-sea.")
    second = _open(browser, home)
    expect(second.get_by_role("link", name="Log in with Hugging Face")).to_be_visible()
    second.get_by_role("link", name="Log in with Hugging Face").click()
    expect(second.locator("#status")).to_contain_text("Failed at-sea.")
    before = _visitor(page)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in with Hugging Face")).to_be_visible()
    assert _visitor(page) != before  # a fresh one
    expect(page.locator(".past")).to_have_count(0)
    expect(second.locator(".account-name")).to_have_text(NAME)  # another browser's login goes on
    provider.who, provider.refuses = played.BOB, True
    page.get_by_role("link", name="Log in with Hugging Face").click()
    expect(page.locator(".account-note")).to_contain_text("was not allowed to say who you are")
    assert page.url == home
    provider.refuses = False
    page.get_by_role("link", name="Log in with Hugging Face").click()
    expect(page.locator(".account-name")).to_have_text("bob")
    expect(page.locator(".past")).to_have_count(0)


def test_in_a_frame_the_login_opens_in_a_tab_of_its_own(browser, played):
    context = browser.new_context(ignore_https_errors=True, reduced_motion="reduce")
    frame = (
        f'<!doctype html><title>Hub</title><iframe src="https://{played.SPACE}/" width="1200" height="800"></iframe>'
    )
    context.route(f"{HUB}**", lambda route: route.fulfill(content_type="text/html", body=frame))
    page = context.new_page()
    page.goto(HUB)
    inside = page.frame_locator("iframe")
    link = inside.get_by_role("link", name="Log in with Hugging Face")
    expect(link).to_be_visible()
    with context.expect_page() as opened:
        link.click()
    tab = opened.value
    tab.wait_for_url(f"https://{played.SPACE}/")
    expect(tab.locator(".account-name")).to_have_text("ann")
    assert page.url == HUB
    expect(link).to_be_visible()  # this Chromium keeps cookies out of frames: the tab is the place to be
