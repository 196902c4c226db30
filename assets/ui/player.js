// Picture, reference and result on one transport. The result is the clock; the reference follows it.
// Space plays, arrows step a frame (with shift a second), Home and End jump, f fills the screen. Event for Python: 'compare' with {run_id} and whether without_background.
const JUMP_S = 0.3; // a follower that is farther off is set, not bent
const DRIFT_S = 0.012; // a follower that is closer is left alone
const BEND = 0.6; // the most by which its speed is bent, as a share

const find = (selector) => element.querySelector(selector);
const reference = find("[data-pane=reference] video");
const result = find("[data-pane=result] video");
const slider = find("input[type=range]");
const playButton = find("[data-do=play]");
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

let fps = 30;
let speed = 1;
let looping = true;
let playing = false;
let newestSeek = 0;
let comparing = "";
let isPreparedGone = false;
const hasKept = localStorage.getItem("kling_ui.inputs") !== null;
let showsInputs = false; // the new inputs stand here in place of the run that was shown before they changed
let ofRun = { run_id: "", inputs: "" }; // the run that is shown, and the inputs that stood on the left when it came

const shown = () => {
  const inputs = isPrepared() ? props.prepared : props.pair; // asked first: a run makes the prepared one go
  return (props.value?.run_id && !showsInputs ? props.value : inputs) || {};
};
// What was prepared stands here until there are other inputs than its own, or a run: then it is gone for good. Before
// the inputs have come, a browser that kept some is not shown it: they may be others.
function isPrepared() {
  const { image = "", reference = "" } = props.pair || {};
  const same = (mine, theirs) => !mine || mine === theirs;
  const isOwn = !same(image, props.prepared?.image) || !same(reference, props.prepared?.reference);
  if (props.value?.run_id || isOwn) isPreparedGone = true;
  return Boolean(props.prepared?.result) && !isPreparedGone && Boolean((image && reference) || !hasKept);
}

const clips = () => [result, reference].filter((clip) => clip.getAttribute("src"));
const master = () => clips()[0];
const lengthOf = (clip) => (Number.isFinite(clip?.duration) ? clip.duration : 0);
const lengthS = () => lengthOf(master()) || shown().duration_s || 0;
// The moment of a clip that belongs to a moment of the leading one: a result may start later than its reference.
const offsetS = (clip) => (clip === reference && result.getAttribute("src") ? shown().score?.starts_at_s || 0 : 0);
const within = (clip, time) => Math.max(0, Math.min(time + offsetS(clip), (lengthOf(clip) || time) - 0.001));

function paintTime() {
  const now = master()?.currentTime || 0;
  const total = lengthS();
  if (document.activeElement !== slider || playing) slider.value = String(total ? now / total : 0);
  slider.setAttribute("aria-valuetext", `${now.toFixed(2)} of ${total.toFixed(1)} seconds`);
  slider.style.setProperty("--done", `${total ? (100 * now) / total : 0}%`);
  find(".transport-time").textContent = `${now.toFixed(2)} / ${total.toFixed(1)} s`;
  paintScore(now);
}

function paintButtons() {
  playButton.classList.toggle("is-playing", playing);
  playButton.setAttribute("aria-label", playing ? "Pause" : "Play");
  find(".transport-speed").value = String(speed);
  find("[data-do=loop]").setAttribute("aria-pressed", String(looping));
}

const seeked = (clip) => new Promise((done) => {
  if (clip.readyState === 0) return done();
  clip.addEventListener("seeked", done, { once: true });
  setTimeout(done, 2000);
});

async function seek(time) {
  const turn = ++newestSeek;
  const all = clips();
  all.forEach((clip) => clip.pause());
  const target = within(master(), time);
  const landed = all.map(seeked);
  all.forEach((clip) => { clip.currentTime = within(clip, target); });
  await Promise.all(landed);
  if (turn !== newestSeek) return;
  paintTime();
  if (playing) await start();
}

async function start() {
  playing = true;
  paintButtons();
  clips().forEach((clip) => { clip.playbackRate = speed; });
  const turn = newestSeek;
  try { await Promise.all(clips().map((clip) => clip.play())); }
  catch { if (turn === newestSeek && clips().every((clip) => clip.paused)) return stop(); } // not when a seek paused them
  requestAnimationFrame(follow);
}

function stop() {
  playing = false;
  clips().forEach((clip) => clip.pause());
  paintButtons();
  paintTime();
}

function follow() {
  if (!playing || !element.isConnected) return;
  const [leader, ...others] = clips();
  for (const clip of others) {
    const ahead = clip.currentTime - within(clip, leader.currentTime);
    if (clip.seeking) continue; // another seek now would undo this one, and on a slow machine none would ever land
    if (Math.abs(ahead) > JUMP_S) clip.currentTime = within(clip, leader.currentTime);
    else if (Math.abs(ahead) > DRIFT_S) clip.playbackRate = speed * (1 - Math.max(-BEND, Math.min(BEND, ahead * 10)));
    else if (clip.playbackRate !== speed) clip.playbackRate = speed;
    if (clip.paused && !clip.ended && !leader.paused) clip.play().catch(() => {});
  }
  paintTime();
  requestAnimationFrame(follow);
}

function step(frames) {
  if (!master()) return null; // a copy is still being made
  if (playing) stop();
  const frame = Math.floor((master()?.currentTime || 0) * fps + 1e-3) + frames;
  const last = Math.max(0, Math.round(lengthS() * fps) - 1);
  return seek((Math.max(0, Math.min(frame, last)) + 0.5) / fps);
}

function toggle() {
  if (!master()) return null;
  if (playing) return stop();
  const atEnd = (master()?.currentTime || 0) >= lengthS() - 1.5 / fps;
  return atEnd ? seek(0).then(start) : start();
}

function hear(on) {
  const source = shown().sound === "reference" ? reference : result;
  for (const clip of [reference, result]) clip.muted = !(on && clip === source);
  find("[data-do=sound]").setAttribute("aria-pressed", String(on));
  find("[data-do=sound]").textContent = on ? "Mute" : "Unmute";
}

const deeds = {
  play: toggle,
  back: () => step(-1),
  forward: () => step(1),
  loop: () => { looping = !looping; paintButtons(); },
  sound: () => hear(find("[data-do=sound]").getAttribute("aria-pressed") !== "true"),
  swap: () => { showsInputs = !showsInputs; render(); },
  large: () => enlarge(!isLarge()),
  picture: () => enlarge(true, "image"),
  full: () => fullScreen(),
  weakest: () => { const low = weakest(); if (low) { stop(); seek(low.at_s); } },
  compare: () => { comparing = props.value?.run_id || ""; note("Putting both clips into one file."); trigger("compare", { run_id: comparing }); },
  clear: () => { comparing = props.value?.run_id || ""; note("Drawing it without the background."); trigger("compare", { run_id: comparing, without_background: true }); },
};
const keys = {
  " ": toggle,
  ArrowLeft: (event) => (event.shiftKey ? seek(master().currentTime - 1) : step(-1)),
  ArrowRight: (event) => (event.shiftKey ? seek(master().currentTime + 1) : step(1)),
  Home: () => seek(0),
  End: () => seek(lengthS()),
};

element.addEventListener("click", (event) => deeds[event.target.closest("[data-do]")?.dataset.do]?.());
element.addEventListener("keydown", (event) => {
  const onButton = event.key === " " && event.target.closest("button, a") && !event.target.closest("[data-do=play]");
  if (!keys[event.key] || onButton || event.target.closest("select") || !master()) return;
  event.preventDefault();
  keys[event.key](event);
});
element.addEventListener("keyup", (event) => { if (event.key === " " && event.target === playButton) event.preventDefault(); });
find(".transport-speed").addEventListener("change", ({ target }) => {
  speed = Number(target.value);
  clips().forEach((clip) => { clip.playbackRate = speed; });
});
slider.addEventListener("input", () => seek(Number(slider.value) * lengthS()));
for (const clip of [reference, result]) {
  clip.addEventListener("ended", () => { if (clip === master() && playing) (looping ? seek(0) : stop()); });
  clip.addEventListener("loadedmetadata", () => { shape(clip, clip.videoWidth / clip.videoHeight); paintTime(); });
  clip.addEventListener("error", () => onUnshown(clip));
}

// A result starts by itself for somebody who has asked for it, not in a page that was only opened again.
const isWanted = () => !calm.matches && !document.hidden && navigator.userActivation?.hasBeenActive;

function rest() {
  if (!element.isConnected) document.removeEventListener("visibilitychange", rest);
  else if (document.hidden && playing) stop();
}
document.addEventListener("visibilitychange", rest);

function shape(node, ratio) {
  if (ratio > 0) node.closest(".pane").style.setProperty("--ratio", String(ratio));
  arrange();
}
find("[data-pane=image] img").addEventListener("error", ({ target }) => onUnshown(target));
find("[data-pane=image] img").addEventListener("load", ({ target }) => {
  const ratio = target.naturalWidth / target.naturalHeight;
  shape(target, ratio);
  if (!result.getAttribute("src")) shape(result, ratio); // a result has its picture's shape
});

// What each pane shows of which file, see playable.js.
const files = new Map();

function put(node, url) {
  if ((files.get(node)?.of || "") === (url || "")) return false;
  files.set(node, { of: url });
  setSource(node, url);
  drawCopy(node, {});
  if (url) ask(node);
  return true;
}

function setSource(node, url) {
  if ((node.getAttribute("src") || "") === (url || "")) return false;
  if (url) node.setAttribute("src", url);
  else { node.removeAttribute("src"); node.load?.(); }
  return true;
}

function ask(node, tries = 0) {
  const asked = { of: files.get(node).of, tries };
  files.set(node, asked);
  askWhatToShow(node.matches("video") ? "video" : "image", asked.of, tries > 0, () => files.get(node) === asked, (answer) => {
    Object.assign(asked, answer);
    drawCopy(node, asked);
    setRate();
    if (setSource(node, asked.url)) begin();
  });
}

function drawCopy(node, { words, poster }) {
  node.closest(".pane").querySelector(".pane-copy").textContent = words || "";
  if (node.matches("img")) return;
  if (poster) node.setAttribute("poster", poster);
  else node.removeAttribute("poster");
  if (poster) Object.assign(new Image(), { src: poster, onload: ({ target }) => shape(node, target.naturalWidth / target.naturalHeight) });
}

function onUnshown(node) {
  const file = files.get(node);
  const source = node.getAttribute("src");
  if (!source || !file) return;
  if (file.tries < TRIES_MAX) ask(node, file.tries + 1);
  else drawCopy(node, { ...file, words: NOT_SHOWN });
}

function setRate() { fps = shown().fps || files.get(reference)?.fps || 30; }

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
  const run_id = props.value?.run_id || "";
  const { image = "", reference = "" } = props.pair || {};
  const inputs = image && reference ? `${image} ${reference}` : "";
  if (run_id !== ofRun.run_id) { ofRun = { run_id, inputs }; showsInputs = false; }
  if (!ofRun.inputs) ofRun.inputs = inputs; // after a reload they come later than the run
  return Boolean(run_id && inputs && inputs !== ofRun.inputs);
}

function earlier() {
  const line = find(".player-earlier");
  line.hidden = !isEarlier();
  if (line.hidden) showsInputs = false;
  line.firstElementChild.textContent = showsInputs ? "The new inputs." : "Result of an earlier run: the inputs have changed since.";
  line.lastElementChild.textContent = showsInputs ? "Back to the result" : "Show the new inputs";
}

async function render() {
  earlier();
  const value = shown();
  const empty = !value.reference && !value.image && !value.run_id;
  find(".player-blank").hidden = !empty;
  find(".player-stage").hidden = empty;
  find(".player-blank-title").textContent = props.blank_title;
  find(".player-blank-words").textContent = props.blank_words;
  put(find("[data-pane=image] img"), value.image);
  find("[data-pane=image] img").hidden = !value.image;
  find("[data-pane=image] img").alt = "The character image of this run";
  const fresh = put(result, value.result);
  const moved = put(reference, value.reference);
  find(".pane-wait").textContent = value.result ? "" : value.waiting || "";
  find("[data-pane=result]").classList.toggle("is-waiting", !value.result);
  if (value.ratio) shape(result, value.ratio);
  setRate();
  facts(value.facts);
  renderScore(value.score);
  find(".player-remark").textContent = value.remark || "";
  find(".player-remark").hidden = !value.remark;
  find(".player-label").textContent = value.label || "";
  find(".player-label").hidden = !value.label;
  find(".player-actions").hidden = !value.result || !value.run_id;
  find(".transport").hidden = !value.reference && !value.result;
  for (const pane of ["image", "reference"]) find(`[data-pane=${pane}]`).hidden = !value[pane] && Boolean(value.run_id);
  find("[data-do=compare]").hidden = !value.reference;
  find("[data-do=clear]").hidden = !value.can_clear;
  const link = find("[data-link=download]");
  link.href = value.result || "";
  link.download = value.file_name || "";
  find("[data-do=sound]").hidden = !value.sound;
  if (fresh || moved) await begin();
  arrange();
  paintButtons();
  paintTime();
}

async function begin() {
  note("");
  hear(false);
  stop();
  if (master()) await seek(0);
  if (shown().result && shown().run_id && isWanted()) await start();
}

function compared() {
  const { run_id, url, name, error } = props.comparison || {};
  if (!run_id || run_id !== comparing) return;
  comparing = "";
  note(error || "");
  if (!url) return;
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

// The column stays in view while the other one scrolls, by its lower edge when it is taller than the window.
const column = element.closest("#right");
if (column) {
  new ResizeObserver(() => {
    column.style.setProperty("--kl-right-top", `${Math.min(20, window.innerHeight - column.offsetHeight - 20)}px`);
  }).observe(column);
}

watch(["value", "pair"], render);
watch("used", () => { // the inputs that stand on the left are this run's
  const { run_id, image, reference } = props.used || {};
  if (run_id !== props.value?.run_id) return;
  ofRun = { run_id, inputs: `${image} ${reference}` };
  render();
});
watch("comparison", compared);
hear(false);
render();
