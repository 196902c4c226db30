// What is happening to the run that is being looked at. Event for Python: 'cancel' with {run_id}.
const find = (selector) => element.querySelector(selector);
const bar = find(".bar");
let clockStart = 0; // performance.now() at which the run was asked for
let ticking = null;
let spoken = null; // the state that was last told to screen readers
let lookedAt = null; // the run that was brought into view because the person has just asked for it
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

const clock = (seconds) => seconds < 60 ? `${Math.floor(seconds)} s` : `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;

function tick() {
  if (!element.isConnected) { clearInterval(ticking); return; }
  find(".status-time").textContent = `${clock((performance.now() - clockStart) / 1000)} so far`;
}

function text(selector, words) {
  const node = find(selector);
  node.textContent = words || "";
  node.hidden = !words;
}

function progress(value) {
  const known = typeof value.progress === "number";
  bar.hidden = value.final;
  bar.classList.toggle("is-unknown", !known);
  bar.firstElementChild.style.width = known ? `${Math.round(value.progress * 100)}%` : "";
  if (known) bar.setAttribute("aria-valuenow", String(Math.round(value.progress * 100)));
  else bar.removeAttribute("aria-valuenow");
}

function render() {
  const value = props.value || {};
  clearInterval(ticking);
  find(".status").hidden = !value.sentence;
  if (!value.sentence) return;
  find(".status").dataset.state = value.state || "";
  text(".status-who", value.who);
  find(".status-words").textContent = value.sentence;
  if (spoken !== value.state) { spoken = value.state; find(".status-spoken").textContent = value.sentence; } // not every per cent
  progress(value);
  text(".status-queue", value.queue_words);
  text(".status-id", value.request_words);
  find(".status-figures").hidden = value.final && !value.elapsed_words;
  text(".status-advice", value.advice);
  find(".status-raw p").textContent = value.raw_error || "";
  find(".status-raw").hidden = !value.raw_error;
  const cancel = find("[data-do=cancel]");
  cancel.hidden = !value.can_cancel;
  if (cancel.dataset.run !== value.run_id) { cancel.disabled = false; cancel.dataset.run = value.run_id || ""; }
  if (value.look && value.run_id !== lookedAt) {
    lookedAt = value.run_id;
    const { top, bottom } = element.getBoundingClientRect();
    if (top < 0 || bottom > window.innerHeight) element.scrollIntoView({ block: "start", behavior: calm.matches ? "auto" : "smooth" });
  }
  clockStart = performance.now() - (value.elapsed_s || 0) * 1000;
  if (value.final) { text(".status-time", value.elapsed_words); return; }
  find(".status-time").hidden = false;
  tick();
  ticking = setInterval(tick, 500);
}

function note() {
  const { run_id, words } = props.note || {};
  const here = run_id && run_id === (props.value || {}).run_id;
  text(".status-note", here && words !== props.value?.sentence ? words : "");
}

find("[data-do=cancel]").addEventListener("click", (event) => {
  event.target.disabled = true;
  text(".status-note", "Asking for it to stop.");
  trigger("cancel", { run_id: props.value?.run_id });
});

watch("value", () => { render(); note(); });
watch("note", note);
render();
note();
