// A repair under way, or what the newest one did. Events for Python: 'repair' with {kinds, press}, 'stop' with {press},
// 'undo' with {after}, 'choose' with a choice. The press is named so that a stop which overtakes its repair still counts.
let isMending = false;
let newestPress = null;
let isFresh = false; // what was done is not judged yet
let takenOver = null; // whose choice was handed on already

function startMending(kinds) {
  if (isMending) return;
  drawRepairing({ state: "running", words: t("Starting"), share: null });
  newestPress = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`; // absent on plain http
  trigger("repair", { kinds, press: newestPress });
}

function drawRepairing(repairing) {
  const { state = "", words = "", share = null } = repairing;
  isMending = state === "running";
  const box = element.querySelector(".repairing");
  box.hidden = !state;
  box.dataset.state = state;
  const line = box.querySelector(".repairing-words");
  if (line.textContent !== words) line.textContent = words;
  drawShare(box.querySelector(".bar"), share);
  const stop = box.querySelector("[data-do=stop]");
  stop.hidden = !isMending;
  if (!isMending) stop.disabled = false;
  const undo = box.querySelector("[data-do=undo]");
  undo.hidden = state !== "done" || !canUndo(repairing);
  undo.disabled = false;
  for (const button of element.querySelectorAll("[data-repair], [data-do=all]")) button.disabled = isMending;
  element.querySelector(".findings").setAttribute("aria-busy", String(isMending));
}

function drawShare(bar, share) {
  bar.hidden = !isMending;
  bar.classList.toggle("is-unknown", share === null);
  bar.firstElementChild.style.width = share === null ? "" : `${Math.round(100 * share)}%`;
  if (share === null) bar.removeAttribute("aria-valuenow");
  else bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
}

const isChanged = (choice) => Object.keys(choice || {}).length > 0;
const canUndo = ({ after, choice_before }) => isChanged(after) || isChanged(choice_before);

function stands({ after = {} }) {
  const now = props.value?.now || {};
  return Object.entries(after).every(([input, ref]) => now[input] === ref);
}

function onRepairing() {
  const repairing = props.repairing || {};
  isFresh = repairing.state === "done";
  if (isFresh && isChanged(repairing.choice) && takenOver !== repairing) { takenOver = repairing; trigger("choose", repairing.choice); }
  drawRepairing(repairing);
  render();
}

function onJudged() {
  const repairing = props.repairing || {};
  if (repairing.state !== "done") return;
  if (stands(repairing)) isFresh = false;
  else if (!isFresh) drawRepairing({}); // the inputs have moved on
}

function wireMending() {
  element.querySelector("[data-do=stop]").addEventListener("click", (event) => {
    event.target.disabled = true;
    trigger("stop", { press: newestPress });
  });
  element.querySelector("[data-do=undo]").addEventListener("click", (event) => {
    const { after, choice_before } = props.repairing || {};
    event.target.disabled = true;
    if (isChanged(choice_before)) trigger("choose", choice_before);
    trigger("undo", { after });
  });
}
