// Picture, reference and up to four results on one transport: see clock.js for how they stay in step, clips.js for what
// each pane shows, taken.js for what is downloaded; keys below.
const find = (selector) => element.querySelector(selector);
const slider = find("input.transport-position");
const playButton = find("[data-do=play]");
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

let isPreparedGone = false;
const hasKept = localStorage.getItem("kling_ui.inputs") !== null;
let showsInputs = false; // the new inputs stand here in place of the run that was shown before they changed
let ofRun = { run_id: "", inputs: "" }; // the run that is shown, and the inputs that stood on the left when it came

const runOf = (value) => value?.run_id || (value?.results || []).map(({ run_id }) => run_id).join(" ");
const shown = () => {
  const inputs = isPrepared() ? props.prepared : props.pair; // asked first: a run makes the prepared one go
  return blindly((runOf(props.value) && !showsInputs ? props.value : inputs) || {});
};
// What was prepared stands here until there are other inputs than its own, or a run: then it is gone for good. Before
// the inputs have come, a browser that kept some is not shown it: they may be others.
function isPrepared() {
  const { image = "", reference = "" } = props.pair || {};
  const same = (mine, theirs) => !mine || mine === theirs;
  const isOwn = !same(image, props.prepared?.image) || !same(reference, props.prepared?.reference);
  if (runOf(props.value) || isOwn) isPreparedGone = true;
  return Boolean(props.prepared?.result) && !isPreparedGone && Boolean((image && reference) || !hasKept);
}

function paintTime() {
  const total = lengthS();
  if (document.activeElement !== slider || playing) slider.value = String(total ? position / total : 0);
  slider.setAttribute("aria-valuetext", t("{time} of {length} seconds", { time: position.toFixed(2), length: total.toFixed(1) }));
  slider.style.setProperty("--done", `${total ? (100 * position) / total : 0}%`);
  find(".transport-time").textContent = `${position.toFixed(2)} / ${total.toFixed(1)} s`;
  paintTimeline();
  paintMarks();
  if (showsSkeletons && !("requestVideoFrameCallback" in HTMLVideoElement.prototype)) drawSkeletons();
}

function paintButtons() {
  playButton.classList.toggle("is-playing", playing);
  playButton.setAttribute("aria-label", playing ? t("Pause") : t("Play"));
  find(".transport-speed").value = String(speed);
  find("[data-do=loop]").setAttribute("aria-pressed", String(looping));
}

function drawSounds() {
  const select = find(".transport-sound");
  hear(sound);
  select.replaceChildren(new Option(t("No sound"), ""), ...clips.map(({ name, label }) => new Option(t("Sound: {name}", { name: label }), name, false, name === sound)));
  select.hidden = !clips.length;
}

function choose(name) {
  hear(name);
  find(".transport-sound").value = sound;
}

const deeds = {
  play: toggle,
  back: () => step(-1),
  forward: () => step(1),
  loop: () => { looping = !looping; paintButtons(); },
  unloop: clearSpan,
  skeletons: () => showSkeletons(!showsSkeletons),
  unzoom: () => setZoom({ by: 1, x: 0, y: 0 }),
  blind: startBlind,
  unblind: endBlind,
  swap: () => { showsInputs = !showsInputs; render(); },
  large: () => enlarge(!isLarge()),
  picture: () => enlarge(true, "image"),
  full: () => fullScreen(),
  present: () => present(),
  replay: () => replayRun(false),
  "replay-real": () => replayRun(true),
  weakest: () => { const low = weakest(); if (low) { stop(); seek(low.at_s); } },
};
const keys = {
  " ": toggle,
  ArrowLeft: (event) => (event.shiftKey ? seek(position - 1) : step(-1)),
  ArrowRight: (event) => (event.shiftKey ? seek(position + 1) : step(1)),
  ",": () => step(-1),
  ".": () => step(1),
  Home: () => seek(0),
  End: () => seek(lengthS()),
  "[": () => setSpanEnd("from_s"),
  "]": () => setSpanEnd("to_s"),
  f: () => fullScreen(),
  p: () => present(),
  r: () => replayRun(false),
};
VIEWS.forEach((name, place) => { keys[String(place + 1)] = () => setView(name); });

// Keys count while the focus is in the player, or anywhere while it fills the window.
function onKey(event) {
  if (!element.isConnected) return document.removeEventListener("keydown", onKey);
  const target = event.target;
  if (!element.contains(target) && !(isLarge() && target === document.body)) return;
  const onButton = event.key === " " && target.closest("button, a, summary") && !target.closest("[data-do=play]");
  const ofRange = target === blendRange && /^(Arrow|Home|End)/.test(event.key);
  if (!keys[event.key] || onButton || ofRange || target.closest("select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!clips.length && event.key !== "f") return;
  event.preventDefault();
  keys[event.key](event);
}
document.addEventListener("keydown", onKey);

element.addEventListener("click", (event) => {
  const { do: deed, view: name } = event.target.closest("[data-do], button[data-view]")?.dataset || {};
  if (deed) deeds[deed]?.();
  else if (name) setView(name);
});
panes.addEventListener("pointerdown", () => find(".player").focus({ preventScroll: true })); // so that keys count
element.addEventListener("keyup", (event) => { if (event.key === " " && event.target === playButton) event.preventDefault(); });
find(".transport-speed").addEventListener("change", ({ target }) => setSpeed(Number(target.value)));
find(".transport-sound").addEventListener("change", ({ target }) => hear(target.value));
slider.addEventListener("input", () => seek(Number(slider.value) * lengthS()));

// A result starts by itself for somebody who has asked for it, not in a page that was only opened again.
const isWanted = () => !calm.matches && !document.hidden && navigator.userActivation?.hasBeenActive;

function rest() {
  if (!element.isConnected) document.removeEventListener("visibilitychange", rest);
  else if (document.hidden && playing) stop();
}
document.addEventListener("visibilitychange", rest);

function note(words) { find(".player-note").textContent = words || ""; }

function facts(rows) {
  const list = find(".player-facts");
  list.replaceChildren();
  for (const [name, text, more] of rows || []) {
    const pair = document.createElement("div");
    const term = document.createElement("dt");
    const about = document.createElement("dd");
    term.textContent = name;
    about.textContent = text;
    pair.append(term, about);
    if (more) pair.append(Object.assign(document.createElement("dd"), { className: "fact-more", textContent: more }));
    list.append(pair);
  }
  list.hidden = !list.children.length;
}

// Whether the inputs have changed since the run that is shown came up.
function isEarlier() {
  const run_id = runOf(props.value);
  const { image = "", reference = "" } = props.pair || {};
  const inputs = image && reference ? `${image} ${reference}` : "";
  if (run_id !== ofRun.run_id) { ofRun = { run_id, inputs }; showsInputs = false; }
  if (!ofRun.inputs) ofRun.inputs = inputs; // after a reload they come later than the run
  return Boolean(run_id && inputs && inputs !== ofRun.inputs);
}

function earlier() {
  const words = find(".player-earlier");
  words.hidden = !isEarlier();
  if (words.hidden) showsInputs = false;
  words.firstElementChild.textContent = showsInputs ? t("The new inputs.") : t("Result of an earlier run: the inputs have changed since.");
  words.lastElementChild.textContent = showsInputs ? t("Back to the result") : t("Show the new inputs");
}

function renderPanes(value) {
  const results = value.results || [];
  placeResults(results.length);
  const isMoved = [put(videoOf(paneOf("reference")), value.reference), ...resultPanes().map((pane, place) => put(videoOf(pane), results[place]?.src, results[place]?.poster))];
  put(picture, value.image);
  picture.hidden = !value.image;
  picture.alt = t("The character image of this run");
  const first = paneOf("result");
  first.querySelector(".pane-wait").textContent = results.length ? "" : value.waiting || "";
  first.classList.toggle("is-waiting", !results.length);
  if (!results.length) first.querySelector(".pane-name").textContent = t("Result");
  if (value.ratio) shape(first, value.ratio);
  for (const name of ["image", "reference"]) paneOf(name).hidden = !value[name] && Boolean(runOf(value));
  return isMoved.some(Boolean);
}

function renderDeeds(value) {
  find(".player-label").textContent = value.label || "";
  find(".player-label").hidden = !value.label;
  find(".player-actions").hidden = !value.run_id;
  find("[data-link=download]").hidden = !value.result;
  find(".transport").hidden = !value.reference && !(value.results || []).length;
  find(".player-views").hidden = find(".transport").hidden;
  find("[data-do=compare]").hidden = !value.reference || !value.result || Boolean(value.is_joined);
  find("[data-do=clear]").hidden = !value.can_clear;
  const link = find("[data-link=download]");
  link.href = value.result || "";
  link.download = value.file_name || "";
}

// Of a video that was joined from pieces: how much they differ, and all that was measured.
function renderDrift(drift) {
  const figure = find(".player-drift");
  figure.hidden = !drift;
  if (!drift) return;
  const image = figure.querySelector("img");
  image.hidden = !drift.chart;
  if (drift.chart) image.src = drift.chart;
  figure.querySelector("span").textContent = drift.words;
  figure.querySelector("a").href = drift.report;
}

async function render() {
  earlier();
  const value = shown();
  const empty = !value.reference && !value.image && !runOf(value);
  find(".player-blank").hidden = !empty;
  find(".player-stage").hidden = empty;
  find(".player-blank-title").textContent = props.blank_title;
  find(".player-blank-words").textContent = props.blank_words;
  const isMoved = renderPanes(value);
  gather();
  facts(value.facts);
  find(".player-remark").textContent = value.remark || "";
  find(".player-remark").hidden = !value.remark;
  renderDeeds(value);
  drawBlind(value);
  renderTaken(value);
  if (isMoved || !value.replay) renderReplay(value);
  renderDrift(value.drift);
  renderScore(value.score);
  renderCloser(value);
  fetchShots((value.results || []).length ? value.reference : "");
  if (isMoved) await begin();
  arrange();
  paintButtons();
  paintTime();
}

async function begin() {
  note("");
  choose("");
  if (span) clearSpan();
  playing = false;
  position = 0;
  paintButtons();
  if (clips.length) await seek(0);
  const { results = [], run_id } = shown();
  if (results.length && run_id && isWanted()) await start();
}

// The column stays in view while the other one scrolls, by its lower edge when it is taller than the window.
const column = element.closest("#right");
if (column) {
  new ResizeObserver(() => {
    column.style.setProperty("--kl-right-top", `${Math.min(20, window.innerHeight - column.offsetHeight - 20)}px`);
  }).observe(column);
}

// On a phone position and time have a row of their own above the buttons, for the eye and for the focus.
const phone = window.matchMedia("(max-width: 900px)");
function orderTransport() {
  if (!element.isConnected) return phone.removeEventListener("change", orderTransport);
  const parts = [slider, find(".transport-time")];
  if (phone.matches) find(".transport").prepend(...parts);
  else find("[data-do=forward]").after(...parts);
}
phone.addEventListener("change", orderTransport);
orderTransport();

watch(["value", "pair"], render);
watch("used", () => { // the inputs that stand on the left are this run's
  const { run_id, image, reference } = props.used || {};
  if (run_id !== props.value?.run_id) return;
  ofRun = { run_id, inputs: `${image} ${reference}` };
  render();
});
watch("voted", onVoted);
for (const pane of [paneOf("reference"), paneOf("result")]) wire(pane);
render();
