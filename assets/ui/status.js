// What is happening to the run that is being looked at. Events for Python: 'cancel', 'again' and 'open' {run_id},
// and 'recover' {run_id, request_id}.
const find = (selector) => element.querySelector(selector);
const MARGIN_PX = 16;
const SOON_S = 60;
const bar = find(".bar");
let clockStart = 0; // performance.now() at which the run was asked for
let ticking = null;
let spoken = null; // the run and state that were last told to screen readers
let noted = {}; // the state in which the person was last answered
let open = null; // the run that was going on when something was refused
let lookedAt = null; // the run and end that were brought into view because the person has just asked for it

const clock = (seconds) => seconds < 60 ? `${Math.floor(seconds)} s` : `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;

function tick() {
  if (!element.isConnected) { clearInterval(ticking); return; }
  find(".status-time").textContent = t("{time} so far", { time: clock((performance.now() - clockStart) / 1000) });
}

function text(selector, words) {
  const node = find(selector);
  node.textContent = words || "";
  node.hidden = !words;
}

function progress(value) {
  const known = typeof value.progress === "number";
  bar.hidden = value.final;
  bar.classList.toggle("is-unknown", !known && value.state === "in_progress"); // before that nothing is drawn yet
  bar.firstElementChild.style.width = known ? `${Math.round(value.progress * 100)}%` : "";
  if (known) bar.setAttribute("aria-valuenow", String(Math.round(value.progress * 100)));
  else bar.removeAttribute("aria-valuenow");
}

const deeds = {
  again: (run_id) => trigger("again", { run_id }),
  open: (_, action) => trigger("open", { run_id: action.run_id }),
  recover: (run_id, action) => { text(".status-note", t("Looking for it.")); trigger("recover", { run_id, request_id: action.request_id }); },
  preview: () => { find(".status").hidden = true; choosePreview(); },
  token: () => goToToken(),
  find: (_, action) => goToFinding(action.rules, action.place),
  go: (run_id, action) => (action.repair ? goToRepair(action.repair) : goToPlace(action.place)),
};

function actions(value) {
  const row = find(".status-actions");
  if (value.run_id) open = value.final ? null : value.run_id;
  const back = value.state === "refused" && open ? [{ do: "open", run_id: open, label: t("Back to the run") }] : [];
  const offered = [...(value.actions || []), ...back];
  const key = JSON.stringify([value.run_id, value.state, offered]);
  row.hidden = !offered.length;
  if (row.dataset.key === key) return; // a button that is being used stays
  row.dataset.key = key;
  row.replaceChildren(...offered.map((action) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.dataset.act = action.do;
    button.textContent = action.label;
    button.addEventListener("click", () => {
      if (action.do === "again" || action.do === "recover") button.disabled = true;
      deeds[action.do]?.(value.run_id, action);
    });
    return button;
  }));
}

function steps(value) {
  const list = find(".status-steps");
  list.hidden = !(value.steps || []).length;
  list.replaceChildren(...(value.steps || []).map((words) => Object.assign(document.createElement("li"), { textContent: words })));
  find(".status-recover").hidden = !value.asks_request_id;
}

function figures(value) {
  text(".status-money", value.money);
  text(".status-id", value.request_words);
  clockStart = performance.now() - (value.elapsed_s || 0) * 1000;
  find(".status-figures").hidden = value.final && !(value.elapsed_words || value.money || value.request_words);
  if (value.final) { text(".status-time", value.elapsed_words); return; }
  find(".status-time").hidden = false;
  tick();
  ticking = setInterval(tick, 500);
}

// The result's place shows what was drawn last, until the result is there.
function drawn(value) {
  const frame = document.querySelector("[data-pane=result] .pane-frame");
  if (!frame) return;
  frame.hidden = !value.frame;
  if (value.frame) frame.src = value.frame;
  else frame.removeAttribute("src");
}

function showRun(value) {
  const isSoon = (value.elapsed_s || 0) < SOON_S; // later the person is elsewhere, and is not called back
  const sight = `${value.run_id} ${value.final && isSoon ? value.state : ""}`;
  if (!value.into_view || sight === lookedAt) return;
  lookedAt = sight;
  const { top, bottom } = element.getBoundingClientRect();
  if (top >= 0 && bottom <= window.innerHeight) return;
  // A column that sticks stays where it is while the page scrolls: go where it would stand by itself.
  const column = element.closest("#right") || element;
  const home = getComputedStyle(column).position === "sticky" ? column.parentElement : column;
  const inside = top - column.getBoundingClientRect().top;
  const y = home.getBoundingClientRect().top + window.scrollY + inside - MARGIN_PX;
  window.scrollTo({ top: Math.max(0, y), behavior: stillness.matches ? "auto" : "smooth" });
}

function render() {
  const value = props.value || {};
  clearInterval(ticking);
  find(".status").hidden = !value.sentence;
  if (!value.sentence) return drawn({});
  find(".status").dataset.state = value.state || "";
  text(".status-who", value.who);
  find(".status-words").textContent = value.sentence;
  const now = `${value.run_id} ${value.state}`;
  if (spoken !== now) { spoken = now; find(".status-spoken").textContent = value.sentence; } // not every per cent
  progress(value);
  drawn(value);
  for (const part of ["trouble", "expiry", "standing", "advice"]) text(`.status-${part}`, value[part]);
  steps(value);
  actions(value);
  find(".status-raw p").textContent = value.raw_error || "";
  find(".status-raw").hidden = !value.raw_error;
  const cancel = find("[data-do=cancel]");
  cancel.hidden = !value.can_cancel;
  if (cancel.dataset.run !== value.run_id) { cancel.disabled = false; cancel.dataset.run = value.run_id || ""; }
  figures(value);
  showRun(value);
}

function note() {
  const { run_id, words, passing, number } = props.note || {};
  if (noted.number !== number) noted = { number, state: props.value?.state };
  const here = run_id && run_id === (props.value || {}).run_id;
  const isPast = passing && noted.state !== props.value?.state;
  text(".status-note", here && !isPast && words !== props.value?.sentence ? words : "");
  if (here) element.querySelectorAll(".status-actions button").forEach((button) => { button.disabled = false; });
}

find("[data-do=cancel]").addEventListener("click", (event) => {
  event.target.disabled = true;
  text(".status-note", t("Asking for it to stop."));
  trigger("cancel", { run_id: props.value?.run_id });
});
find(".status-recover").addEventListener("submit", (event) => {
  event.preventDefault();
  text(".status-note", t("Looking for it."));
  trigger("recover", { run_id: props.value?.run_id, request_id: event.target.querySelector("input").value.trim() });
});

watch("value", () => { render(); note(); });
watch("note", () => {
  if (props.note?.settled && props.value?.state === "refused") find(".status").hidden = true;
  note();
});
render();
note();
