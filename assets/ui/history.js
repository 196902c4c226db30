// Earlier runs of this visitor, newest first. Events for Python: 'open' {run_id}, empty for none, and 'recover' {request_id}.
// The run that is shown stands in the page's address, so that a reload, a link, back and forward lead to it.
const find = (selector) => element.querySelector(selector);

function part(name, tag, more = {}) {
  return Object.assign(document.createElement(tag), { className: name, ...more });
}

function entry(run) {
  const item = document.createElement("li");
  const press = part("past", "button", { type: "button" });
  press.dataset.state = run.state;
  if (run.run_id === (props.value || {}).current) press.setAttribute("aria-current", "true");
  const picture = run.image ? part("past-picture", "img", { src: run.image, alt: "", loading: "lazy" }) : part("past-picture", "span");
  const words = part("past-words", "span");
  for (const name of ["title", "about", "more"]) if (run[name]) words.append(part(`past-${name}`, "span", { textContent: run[name] }));
  press.append(picture, words);
  press.addEventListener("click", () => { arriveAnywhere(); trigger("open", { run_id: run.run_id }); });
  item.append(press);
  return item;
}

function when(seconds) {
  const at = new Date(seconds * 1000);
  const isToday = at.toDateString() === new Date().toDateString();
  const time = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return isToday ? at.toLocaleTimeString([], time) : at.toLocaleString([], { day: "numeric", month: "short", ...time });
}

function step({ words, at }) {
  const item = document.createElement("li");
  item.append(part("", "time", { dateTime: new Date(at * 1000).toISOString(), textContent: when(at) }), ` ${words}`);
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
  if (run_id === current) arriveAnywhere(); // whatever was asked for on the way is asked for no more
  trigger("open", { run_id });
}
window.addEventListener("popstate", onAddress);

function render() {
  const { runs = [], steps = [], has_paid } = props.value || {};
  const mayRecover = has_paid || props.engine === "kling";
  const wasDeleting = Boolean(props.value?.deleted) && find(".about").contains(document.activeElement);
  drawAddress(props.value || {});
  drawAbout();
  find("h2").hidden = !runs.length;
  find(".history > ul").replaceChildren(...runs.map(entry));
  find(".history-steps").hidden = !steps.length;
  find(".history-steps ol").replaceChildren(...steps.map(step));
  find(".history-recover").hidden = !mayRecover;
  if (wasDeleting) find(".past")?.focus(); // the button that was pressed is gone
}

function note() { find(".history-note").textContent = (props.note || {}).words || ""; }

find(".history-recover form").addEventListener("submit", (event) => {
  event.preventDefault();
  find(".history-note").textContent = "Looking for it.";
  trigger("recover", { request_id: event.target.querySelector("input").value.trim() });
});

wireAbout();
wireErase();
watch("value", () => { render(); find(".history-note").textContent = ""; });
watch("engine", render);
watch("note", note);
render();
