"""What a stranger tries at addresses: Gradio's own, those of files, under other names and from other sites.

Each try succeeds once the guards that it names are removed.
"""

import time

import gradio as gr
import pytest
from gradio.state_holder import StateHolder

from kling_ui import signing
from kling_ui.own_hosts import AllowedHosts
from kling_ui.runs.engines import open_public_files
from kling_ui.runs.publishing.public_files import PublicFiles
from kling_ui.runs.runner import RunQueries
from kling_ui.ui.web import client_address, file_routes, gradio_requests, security, server
from kling_ui.ui.web.signed_files import SignedFiles

TRIES = []
EVIL = "https://evil.example"


def tried(*without):
    """Add a function that tries something; it returns something true if it got what is another's.

    Args:
        without: What removes the guards that stand in its way.
    """

    def keep(attack):
        TRIES.append(pytest.param(attack, without, id=attack.__name__.replace("_", " ")))
        return attack

    return keep


# --- guards, and how to do without ------------------------------------------------------------------------------------


def open_paths_only(patch):
    """All of Gradio's addresses are open."""
    patch.setattr(gradio_requests, "is_open", lambda *_: True)


def no_values_of_tabs(patch):
    """Gradio keeps the values of each tab."""
    patch.setattr(server, "NoStates", StateHolder)


def _mounted_with(patch, **more):
    mount = gr.mount_gradio_app
    patch.setattr(server.gr, "mount_gradio_app", lambda *args, **how: mount(*args, **how | more))


def no_folder_is_allowed(patch):
    """Gradio may serve every folder."""
    _mounted_with(patch, allowed_paths=["/"])


def no_monitoring(patch):
    """Gradio's monitoring is on."""
    _mounted_with(patch, enable_monitoring=True)


def no_files_in_events(patch):
    """Events may name files."""
    patch.setattr(gradio_requests, "_object", dict)


def as_if_launched(patch):
    """Gradio takes the page for one that was never launched."""
    finish = server.finish_mounting

    def finished(app, page, settings):
        sessions = finish(app, page, settings)
        page.has_launched = False
        return sessions

    patch.setattr(server, "finish_mounting", finished)


def signatures(patch):
    """Whatever stands in a signature's place is one."""
    patch.setattr(signing, "is_same", lambda *_: True)


def whole_signatures(patch):
    """The beginning of a signature will do."""
    patch.setattr(signing, "is_same", lambda given, expected: expected.startswith(given))


def exact_signatures(patch):
    """Capitals of a signature do not matter."""
    patch.setattr(signing, "is_same", lambda given, expected: given.lower() == expected.lower())


def signed_paths(patch):
    """A signature is one for all paths."""
    patch.setattr(SignedFiles, "_signature", lambda *_: "s" * 32)


def inside_the_folder(patch):
    """Files are opened wherever they lie."""
    patch.setattr(SignedFiles, "open", lambda self, ref: self.root / ref.partition("/")[2])


def end_of_an_address(patch):
    """Addresses for the vendor work for ever."""
    opened = PublicFiles.open
    patch.setattr(
        PublicFiles, "open", lambda self, place, until, signature, _: opened(self, place, until, signature, 0)
    )


def runs_under_way_only(patch):
    """Inputs of runs that have ended are served, too."""

    async def always(*_):
        return True

    patch.setattr(RunQueries, "may_be_fetched", always)


def harmless_names(patch):
    """A file is called what whoever sends it says."""
    patch.setattr(file_routes, "clean_name", lambda name, _: name)


def own_hosts(patch):
    """The app answers under any name."""
    patch.setattr(AllowedHosts, "__contains__", lambda *_: True)


def own_pages(patch):
    """Any site's page may write."""
    patch.setattr(security, "is_foreign_write", lambda *_: False)


def own_origins(patch):
    """Who may read is left to Gradio."""
    patch.setattr(server, "CORSMiddleware", lambda app, **_: app)


def own_frames(patch):
    """Answers come without protective headers."""
    patch.setattr(security, "add_protection", lambda *_, **__: None)


def trusted_proxies(patch):
    """Whoever asks is believed to be a proxy."""
    patch.setattr(client_address, "is_trusted", lambda address, _: address != "198.51.100.9")


# --- Gradio's own addresses -------------------------------------------------------------------------------------------


def _victims_tab(target, name, run_id):
    joined = target.send(name, {"run_id": run_id}, browser=target.VICTIM, session="victims-tab", reads=False)
    return joined.split('"event_id":"')[1][:32]


@tried(open_paths_only)
def ends_an_event_of_another(target):
    event_id = _victims_tab(target, "on_open", target.waiting)
    body = {"session_hash": "victims-tab", "fn_index": target.event("on_open")["id"], "event_id": event_id}
    return target.client.post("/gradio_api/cancel", json=body).is_success


@tried(open_paths_only, no_values_of_tabs)
def has_a_link_made_of_what_stands_in_anothers_tab(target):
    _victims_tab(target, "on_open", target.seen)
    target.read("victims-tab")
    link = target.client.get("/gradio_api/deep_link", params={"session_hash": "victims-tab"}).text.strip('"')
    return target.VICTIM in target.client.get("/config", params={"deep_link": link}).text


@tried(open_paths_only, no_folder_is_allowed)
def reads_the_ledger_through_gradio(target):
    return b"SQLite" in target.client.get(f"/gradio_api/file={target.data_dir}/ledger.sqlite").content


@tried(open_paths_only, no_folder_is_allowed)
def reads_the_key_of_signatures_through_gradio(target):
    key = target.data_dir / "files.key"
    return target.client.get(f"/gradio_api/file={key}").content == key.read_bytes()


@tried(open_paths_only, no_monitoring)
def sees_what_others_do(target):
    return target.client.get("/monitoring/summary").is_success


@tried(open_paths_only)
def reads_the_description_of_all_endpoints(target):
    return "paths" in target.client.get("/gradio_api/openapi.json").text


@tried(open_paths_only)
def asks_how_many_wait(target):
    return "queue_size" in target.client.get("/gradio_api/queue/status").text


@tried(no_files_in_events, as_if_launched)
def has_gradio_copy_a_file_that_an_event_names(target):
    named = {"path": str(target.data_dir / "files.key"), "meta": {"_type": "gradio.FileData"}}
    target.send("on_inputs", image_slot=named, video_slot={})
    return list((target.data_dir / "gradio").rglob("files.key"))


# --- addresses of files -----------------------------------------------------------------------------------------------


def _place(target):
    return target.upload.relative_to(target.data_dir).as_posix()


def _is_read(target, ref):
    return target.gives_away(target.client.get(f"/files/{ref}").text)


@tried(signatures)
def reads_an_upload_by_its_path(target):
    return _is_read(target, f"{'x' * 32}/{_place(target)}")


@tried(signatures)
def reads_a_result_by_the_id_of_its_run(target):
    return _is_read(target, f"{'x' * 32}/runs/{target.seen}/result.mp4")


@tried(signed_paths)
def reads_an_upload_with_the_signature_of_its_own(target):
    mine = target.client.post("/inputs", content=b"mine", headers={"X-File-Name": "mine.png"}).json()["ref"]
    return _is_read(target, f"{mine[:32]}/{_place(target)}")


@tried(whole_signatures)
def reads_an_upload_with_the_beginning_of_a_signature(target):
    signature = target.services.signed_files.sign(target.upload)[:2]
    return _is_read(target, f"{signature}/{_place(target)}")


@tried(whole_signatures)
def reads_an_upload_without_a_signature(target):
    return _is_read(target, f"/{_place(target)}")


@tried(exact_signatures)
def reads_an_upload_with_capitals_of_the_signature_changed(target):
    return _is_read(target, f"{target.services.signed_files.sign(target.upload)[:32].swapcase()}/{_place(target)}")


@tried(inside_the_folder)
def climbs_out_of_the_folder(target):
    outside = target.data_dir.parent / f"{target.data_dir.name}.txt"
    outside.write_bytes(target.PICTURE)
    return _is_read(target, f"{'x' * 32}/..%2F{outside.name}")


@tried(inside_the_folder)
def climbs_back_into_the_folder_from_what_is_its_own(target):
    mine = target.client.post("/inputs", content=b"mine", headers={"X-File-Name": "mine.png"}).json()["ref"]
    folder = mine.rpartition("/")[0]
    return _is_read(target, f"{folder}/..%2F..%2F..%2F{_place(target)}")


@tried(signatures)
def has_a_copy_shown_of_a_file_that_it_names(target):
    return target.client.post(f"/shown/image/{'x' * 32}/{_place(target)}").is_success


@tried(signatures)
def fetches_inputs_of_a_run_as_the_vendor_would(target):
    url = f"/lent/{target.waiting}/image.png?expires={int(time.time()) + 60}&signature=x"
    return target.client.get(url).is_success


def _lent(target, run_id, until):
    path = next((target.data_dir / "runs" / run_id).glob("image.*"))
    return open_public_files(target.data_dir).sign(path, int(until))


@tried(end_of_an_address)
def fetches_inputs_by_an_address_that_has_ended(target):
    return target.client.get(_lent(target, target.waiting, time.time() - 60)).is_success


@tried(signatures)
def fetches_inputs_by_an_address_whose_end_it_has_put_off(target):
    ended = _lent(target, target.waiting, time.time() - 60)
    return target.client.get(ended.replace("expires=1", "expires=9")).is_success


@tried(runs_under_way_only)
def fetches_inputs_of_a_run_that_has_ended(target):
    return target.client.get(_lent(target, target.seen, time.time() + 60)).is_success


@tried(harmless_names)
def writes_over_a_file_of_another(target):
    name = f"../../{target.upload.parent.parent.name}/{target.upload.parent.name}/me.png"
    target.client.post("/inputs", content=b"mine", headers={"X-File-Name": name})
    return target.upload.read_bytes() == b"mine"


# --- other names, other sites, other addresses ------------------------------------------------------------------------


@tried(own_hosts)
def reads_the_page_under_a_name_of_its_own(target):
    return target.client.get("/config", headers={"Host": "evil.example"}).is_success


@tried(own_pages)
def renames_a_run_from_another_site_with_the_cookie_of_its_visitor(target):
    cookie = target.cookie_of(target.account())
    told = {"run_id": target.anns, "name": "Mine"}
    target.send("on_rename", told, headers=cookie | {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"})
    return target.record(target.anns).name == "Mine"


@tried(own_pages)
def calls_an_endpoint_from_another_site(target):
    return '"state"' in target.call("status", handle=target.handle, headers={"Origin": EVIL})


@tried(own_pages)
def calls_a_tool_from_another_site(target):
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    return '"state"' in target.tool("status", handle=target.handle, headers={"Origin": EVIL})


@tried(own_pages)
def uses_up_the_room_of_a_visitor_from_another_site(target):
    headers = {"X-File-Name": "x.png", "Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
    return "ref" in target.client.post("/inputs", content=b"x", headers=headers).text


@tried(own_origins)
def reads_answers_from_another_site(target):
    answer = target.client.get("/config", headers={"Origin": EVIL})
    return answer.headers.get("access-control-allow-origin") == EVIL


def _can_be_framed(answer):
    return "frame-ancestors 'self' https://huggingface.co" not in answer.headers.get("content-security-policy", "")


@tried(own_frames)
def shows_the_page_in_a_frame_of_its_own(target):
    return _can_be_framed(target.client.get("/"))


@tried(own_frames)
def shows_an_error_in_a_frame_of_its_own(target):
    answers = [
        target.client.get("/nothing"),
        target.client.get("/config", headers={"Host": "evil.example"}),
        target.client.post("/inputs", headers={"Origin": EVIL}),
        target.client.post("/gradio_api/queue/join", content=b"{"),
        target.client.get(f"/files/{'x' * 32}/none"),
    ]
    assert [answer.status_code for answer in answers] == [404, 421, 403, 400, 404]
    return any(map(_can_be_framed, answers))


@tried(trusted_proxies)
def takes_the_share_of_another_address(target):
    secret = target.services.signed_files.secret
    key = client_address.address_key("198.51.100.9", secret)
    headers = {"X-File-Name": "x.png", "X-Forwarded-For": "198.51.100.9"}
    target.client.post("/inputs", content=b"x", headers=headers)
    store = target.services.store
    return (store.root / store.folder_name(f"ip:{key}")).is_dir()


@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "guard removed"])
@pytest.mark.parametrize(("attack", "without"), TRIES)
def test_only_without_its_guard_an_address_gives_away_what_is_anothers(
    attack, without, is_guarded, open_target, monkeypatch
):
    for remove in () if is_guarded else without:
        remove(monkeypatch)
    with open_target() as target:
        assert bool(attack(target)) is not is_guarded
