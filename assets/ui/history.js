// What was run: about the run that is shown, and all of this visitor's. Events for Python: 'open' {run_id}, empty for none, and 'recover' {request_id}.
// The run that is shown stands in the page's address, so that a reload, a link, back and forward lead to it.
const find = (selector) => element.querySelector(selector);

function when(seconds) {
  const at = new Date(seconds * 1000);
  const isToday = at.toDateString() === new Date().toDateString();
  const time = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return isToday ? at.toLocaleTimeString(LOCALES, time) : at.toLocaleString(LOCALES, { day: "numeric", month: "short", ...time });
}

function step({ words, at }) {
  const item = document.createElement("li");
  item.append(Object.assign(make("time", "", when(at)), { dateTime: new Date(at * 1000).toISOString() }), ` ${words}`);
  return item;
}

const inAddress = () => new URL(document.location.href).searchParams.get("run") || "";
const left = new Set(); // the runs that back or forward has gone past: what is still told of them counts no more
let headedFor = null;

function arriveAnywhere() {
  left.clear();
  headedFor = null;
}

function drawAddress({ current, arrived, deleted }) {
  if (current === undefined) return; // nothing was shown yet
  const there = inAddress();
  if (left.has(current) && current !== there) return;
  arriveAnywhere();
  if (current ? current === there : !there || deleted !== there) return;
  const url = new URL(document.location.href);
  if (current) url.searchParams.set("run", current);
  else url.searchParams.delete("run");
  const step = arrived || !current ? "replaceState" : "pushState";
  window.history[step](window.history.state, "", url);
}

function onAddress() {
  if (!element.isConnected) return window.removeEventListener("popstate", onAddress);
  const run_id = inAddress();
  const { current = "" } = props.value || {};
  left.add(headedFor ?? current).add(current);
  headedFor = run_id;
  awaited = null; // what was pressed before is not waited for any more
  if (run_id === current) arriveAnywhere(); // whatever was asked for on the way is asked for no more
  trigger("open", { run_id });
}
window.addEventListener("popstate", onAddress);

function render() {
  const { steps = [], has_paid } = props.value || {};
  const mayRecover = has_paid || props.engine === "kling";
  drawAddress(props.value || {});
  drawOnward();
  drawAbout();
  find(".history-steps").hidden = !steps.length;
  find(".history-steps ol").replaceChildren(...steps.map(step));
  find(".history-recover").hidden = !mayRecover;
}

function note() { find(".history-note").textContent = (props.note || {}).words || ""; }

find(".history-recover form").addEventListener("submit", (event) => {
  event.preventDefault();
  find(".history-note").textContent = t("Looking for it.");
  trigger("recover", { request_id: event.target.querySelector("input").value.trim() });
});

let currentRun; // whose differences from others were told no more once another one is shown

wireOnward();
wireAbout();
wireDifferences();
wireGallery();
wireErase();
watch("value", () => {
  render();
  drawGallery();
  find(".history-note").textContent = "";
  if (props.value?.current !== currentRun) showDifferences(false);
  currentRun = props.value?.current;
});
watch("engine", render);
watch("note", note);
render();
drawGallery();
