"""A request as JSON, and as code that makes it: what somebody copies from the page into a program of their own.

A run on Kling is asked of its provider itself, and a preview of this app. The token is always an environment variable.
"""

import json
import mimetypes
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kling_ui.api import fal
from kling_ui.api.models import MotionRequest
from kling_ui.options import Provider, Resolution, TransferOptions
from kling_ui.runs.record import EngineName

_IMAGE, _VIDEO = "\0image\0", "\0video\0"  # stand for the files until a language says how it reads them


WITHOUT_CORRECTIONS = "What was corrected by hand is not part of it."


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequest:
    """What is to be put into code.

    Attributes:
        engine: Where the run goes.
        image: Name of the image's file.
        video: Name of the clip's file.
        image_url: The public address that the image came from, if it did.
        video_url: The public address that the clip came from, if it did.
        choice: How to transfer the motion.
        max_usd: What a paid run may cost at most, in US dollars.
        api_base: Origin of RunComfy's model API.
        model_id: The model's id as in the API's paths.
        app_url: Address of this app, without a slash at its end.
    """

    engine: EngineName
    image: str
    video: str
    image_url: str | None
    video_url: str | None
    choice: TransferOptions
    max_usd: float
    api_base: str
    model_id: str
    app_url: str

    @property
    def body(self) -> dict[str, object]:
        """What is sent, with marks in the places of the files."""
        choice = self.choice
        if self.engine is EngineName.KLING:
            facing = choice.orientation
            return MotionRequest(choice.prompt, _IMAGE, _VIDEO, choice.keep_sound, facing).to_json()
        size = {} if choice.resolution is Resolution.P720 else {"resolution": choice.resolution.value}
        said = {"prompt": choice.prompt, "orientation": choice.orientation.value, "keep_sound": choice.keep_sound}
        return {"image": _IMAGE, "video": _VIDEO, "engine": "preview"} | said | size

    @property
    def api(self) -> "_PaidApi":
        """How a paid run is asked for."""
        if self.choice.provider is Provider.FAL:
            return _PaidApi(
                origin=fal.QUEUE_BASE,
                variable="FAL_KEY",
                scheme="Key",
                submit=f"/{self.model_id}",
                requests=f"/{fal.APP}/requests",
                result="",
                ended=("COMPLETED",),
                header=fal.NO_RETRY,
            )
        return _PaidApi(
            origin=self.api_base,
            variable="RUNCOMFY_API_TOKEN",
            scheme="Bearer",
            submit=f"/v1/models/{self.model_id}",
            requests="/v1/requests",
            result="/result",
            ended=("completed", "succeeded", "failed", "cancelled"),
        )

    def file(self, mark: str) -> tuple[str, str]:
        """Give the name of a file and its public address, which is empty where it has none."""
        name, url = (self.image, self.image_url) if mark == _IMAGE else (self.video, self.video_url)
        return name, url or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _PaidApi:
    """How a provider of Kling is asked: docs/vendor_api.md for RunComfy, docs/fal_api.md for fal.

    Attributes:
        origin: Where it is.
        variable: Of the environment, for the token.
        scheme: What stands before the token.
        submit: The path that takes a request.
        requests: The path below which requests are asked for.
        result: What is added to a request's path for its result.
        ended: What its status is once it has ended.
        header: Sent with a submit besides.
    """

    origin: str
    variable: str
    scheme: str
    submit: str
    requests: str
    result: str
    ended: tuple[str, ...]
    header: Mapping[str, str] = field(default_factory=dict)


class Snippet(NamedTuple):
    """One way to make the request.

    Attributes:
        label: In which language.
        text: The code.
    """

    label: str
    text: str


def snippets(asked: CodeRequest) -> tuple[Snippet, ...]:
    """Give a request as JSON and in four languages."""
    is_paid = asked.engine is EngineName.KLING
    return (
        Snippet("JSON", _json(asked)),
        Snippet("curl", _curl_paid(asked) if is_paid else _curl_free(asked)),
        Snippet("Python, httpx", _httpx_paid(asked) if is_paid else _httpx_free(asked)),
        Snippet("Python, kling_ui", _kling_ui(asked)),
        Snippet("JavaScript", _js_paid(asked) if is_paid else _js_free(asked)),
    )


def _json(asked: CodeRequest) -> str:
    """Show what is sent; a file stands there by its name."""

    def shown(mark: str) -> str:
        name, url = asked.file(mark)
        if url:
            return url
        return f"data:{_kind(name)};base64,<{name}>" if asked.engine is EngineName.KLING else f"<upload of {name}>"

    body = {name: shown(str(value)) if value in {_IMAGE, _VIDEO} else value for name, value in asked.body.items()}
    return json.dumps(body, indent=2, ensure_ascii=False)


def _kind(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _text(value: object) -> str:
    """Write a text as JSON, which Python and JavaScript read, too."""
    return json.dumps(value, ensure_ascii=False)


def _literal(asked: CodeRequest, read: Callable[[str, str], str], *, true: str, false: str) -> str:
    """Write the body as a literal of a language that says how it reads a file, given its name and its address."""

    def written(value: object) -> str:
        if value in {_IMAGE, _VIDEO}:
            return read(*asked.file(str(value)))
        return (true if value else false) if isinstance(value, bool) else _text(value)

    lines = [f"  {_text(name)}: {written(value)}," for name, value in asked.body.items()]
    return "\n".join(("{", *lines, "}"))


def _piped(asked: CodeRequest, image: str, video: str) -> str:
    """Write the body for a shell; printf is part of the shell, so that a file may be as large as it likes."""
    before, rest = json.dumps(asked.body).split(json.dumps(_IMAGE)[1:-1])
    middle, after = rest.split(json.dumps(_VIDEO)[1:-1])
    parts = (shlex.quote(before), f'"{image}"', shlex.quote(middle), f'"{video}"', shlex.quote(after))
    return f"printf '%s' {' '.join(parts)}"


def _curl_paid(asked: CodeRequest) -> str:
    def address(mark: str) -> str:
        name, url = asked.file(mark)
        return shlex.quote(url) if url else f'"data:{_kind(name)};base64,$(base64 < {shlex.quote(name)} | tr -d "\\n")"'

    api = asked.api
    more = "".join(f" -H {shlex.quote(f'{name}: {value}')}" for name, value in api.header.items())
    return f"""# This costs money, and is sent once. {api.variable} holds your {"key" if api.header else "token"}.
API={shlex.quote(api.origin)}
AUTH="Authorization: {api.scheme} ${api.variable}"
IMAGE={address(_IMAGE)}
VIDEO={address(_VIDEO)}
ID=$({_piped(asked, "$IMAGE", "$VIDEO")} |
  curl -sS "$API{api.submit}" -H "$AUTH" -H 'Content-Type: application/json'{more} --data-binary @- |
  sed -n 's/.*"request_id": *"\\([^"]*\\)".*/\\1/p')
ENDED='"status": *"({"|".join(api.ended)})"'
until curl -sS "$API{api.requests}/$ID/status" -H "$AUTH" | grep -qE "$ENDED"; do sleep 5; done
curl -sS "$API{api.requests}/$ID{api.result}" -H "$AUTH"
"""


def _curl_free(asked: CodeRequest) -> str:
    def handed(mark: str) -> str:
        name, url = asked.file(mark)
        if url:
            return shlex.quote(url)
        return f'$(curl -sS "$APP/upload" -F {shlex.quote("files=@" + name)} | sed \'s/^\\["//; s/"\\]$//\')'

    return f"""APP={shlex.quote(asked.app_url + "/gradio_api")}
call() {{
  id=$(curl -sS "$APP/call/v2/$1" -H 'Content-Type: application/json' --data-binary @- |
    sed 's/.*"event_id":"\\([0-9a-f]*\\)".*/\\1/')
  curl -sSN "$APP/call/$1/$id" | sed -n '/^data: null$/d; s/^data: //p'
}}
IMAGE={handed(_IMAGE)}
VIDEO={handed(_VIDEO)}
HANDLE=$({_piped(asked, "$IMAGE", "$VIDEO")} | call run | sed -n 's/.*"handle": "\\([^"]*\\)".*/\\1/p')
until printf '{{"handle": "%s", "wait_s": 30}}' "$HANDLE" | call status | grep -q '"is_final": true'; do sleep 1; done
printf '{{"handle": "%s"}}' "$HANDLE" | call result
"""


def _httpx_paid(asked: CodeRequest) -> str:
    def read(name: str, url: str) -> str:
        return _text(url) if url else f"inline({_text(name)}, {_text(_kind(name))})"

    api = asked.api
    more = f", headers={_text(dict(api.header))}" if api.header else ""
    return f"""import base64
import os
import time
from pathlib import Path

import httpx


def inline(name, kind):
    return f"data:{{kind}};base64,{{base64.b64encode(Path(name).read_bytes()).decode()}}"


request = {_literal(asked, read, true="True", false="False")}
headers = {{"Authorization": f"{api.scheme} {{os.environ['{api.variable}']}}"}}
with httpx.Client(base_url={_text(api.origin)}, headers=headers, timeout=180) as api:
    # This costs money: it is sent once, and never again after a doubtful answer.
    answer = api.post({_text(api.submit)}, json=request{more}).raise_for_status().json()
    run = f"{api.requests}/{{answer['request_id']}}"
    while api.get(f"{{run}}/status").raise_for_status().json()["status"] not in {_set_of(api.ended)}:
        time.sleep(5)
    print(api.get(f"{{run}}{api.result}").raise_for_status().json())
"""


def _set_of(words: tuple[str, ...]) -> str:
    """Write a set of words as Python does."""
    return "{" + ", ".join(map(_text, words)) + "}"


def _httpx_free(asked: CodeRequest) -> str:
    def read(name: str, url: str) -> str:
        return _text(url) if url else f"upload({_text(name)})"

    return f"""import json

import httpx

app = httpx.Client(base_url={_text(asked.app_url + "/gradio_api")}, timeout=120)


def upload(name):
    with open(name, "rb") as file:
        return app.post("/upload", files={{"files": file}}).raise_for_status().json()[0]


def call(name, values):
    event_id = app.post(f"/call/v2/{{name}}", json=values).raise_for_status().json()["event_id"]
    told = app.get(f"/call/{{name}}/{{event_id}}").text
    last = told.strip().split("\\n\\n")[-1]  # what comes before it says that the call is at work
    value = json.loads(last.partition("data: ")[2])
    if last.startswith("event: error"):
        raise RuntimeError(value["error"])
    return value[0]


request = {_literal(asked, read, true="True", false="False")}
handle = call("run", request)["handle"]
while not call("status", {{"handle": handle, "wait_s": 30}})["is_final"]:
    pass
print(call("result", {{"handle": handle}}))
"""


def _kling_ui(asked: CodeRequest) -> str:
    choice, is_paid = asked.choice, asked.engine is EngineName.KLING
    more = [f"    engine={_text(asked.engine.value)},"]
    if is_paid:
        is_fal = choice.provider is Provider.FAL
        token = "key is read from KLING_UI_FAL_KEY" if is_fal else "token is read from RUNCOMFY_API_TOKEN"
        more += [f"    model={_text(choice.model)},"] if choice.model else []
        more += [f"    max_price_usd={asked.max_usd:.2f},  # the {token}"]
    elif choice.resolution is not Resolution.P720:
        more += [f"    resolution={_text(choice.resolution.value)},"]
    lines = "\n".join(more)
    return f"""from kling_ui import run

result = run(
    {_text(asked.image)},
    {_text(asked.video)},
    prompt={_text(choice.prompt)},
    orientation={_text(choice.orientation.value)},
    keep_sound={choice.keep_sound},
{lines}
)
print(result.raise_for_state().video, result.motion_match)
"""


def _js_paid(asked: CodeRequest) -> str:
    def read(name: str, url: str) -> str:
        return _text(url) if url else f"await inline({_text(name)}, {_text(_kind(name))})"

    api = asked.api
    more = "".join(f", {_text(name)}: {_text(value)}" for name, value in api.header.items())
    sent = f": {{ ...headers{more} }}" if more else ""
    return f"""import {{ readFile }} from "node:fs/promises";

const inline = async (name, kind) => `data:${{kind}};base64,${{await readFile(name, "base64")}}`;
const headers = {{ Authorization: `{api.scheme} ${{process.env.{api.variable}}}`, "Content-Type": "application/json" }};
async function api(path, body) {{
  const options = body ? {{ method: "POST", headers{sent}, body: JSON.stringify(body) }} : {{ headers }};
  const answer = await fetch({_text(api.origin)} + path, options);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}}

const request = {_literal(asked, read, true="true", false="false")};
// This costs money: it is sent once, and never again after a doubtful answer.
const {{ request_id }} = await api({_text(api.submit)}, request);
const ended = {_text(list(api.ended))};
while (!ended.includes((await api(`{api.requests}/${{request_id}}/status`)).status)) {{
  await new Promise((done) => setTimeout(done, 5000));
}}
console.log(await api(`{api.requests}/${{request_id}}{api.result}`));
"""


def _js_free(asked: CodeRequest) -> str:
    def read(name: str, url: str) -> str:
        return _text(url) if url else f"await upload({_text(name)})"

    return f"""import {{ readFile }} from "node:fs/promises";

const app = {_text(asked.app_url + "/gradio_api")};
async function upload(name) {{
  const form = new FormData();
  form.append("files", new Blob([await readFile(name)]), name);
  return (await (await fetch(`${{app}}/upload`, {{ method: "POST", body: form }})).json())[0];
}}
async function call(name, values) {{
  const headers = {{ "Content-Type": "application/json" }};
  const options = {{ method: "POST", headers, body: JSON.stringify(values) }};
  const started = await fetch(`${{app}}/call/v2/${{name}}`, options);
  const told = await (await fetch(`${{app}}/call/${{name}}/${{(await started.json()).event_id}}`)).text();
  const last = told.trim().split("\\n\\n").at(-1); // what comes before it says that the call is at work
  const value = JSON.parse(last.match(/data: (.*)/)[1]);
  if (last.startsWith("event: error")) throw new Error(value.error);
  return value[0];
}}

const request = {_literal(asked, read, true="true", false="false")};
const {{ handle }} = await call("run", request);
while (!(await call("status", {{ handle, wait_s: 30 }})).is_final);
console.log(await call("result", {{ handle }}));
"""
