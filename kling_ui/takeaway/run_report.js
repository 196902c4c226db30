// A report of runs from disk: clips in step, the replay of how a run went, and a view for the stage. No network.
const SHORT_MS = 9000; // that a shortened replay takes, whatever the run took
const STEP_S = 1 / 24;
const runs = [...document.querySelectorAll(".run")].map(open);
let current = runs[0];

function open(element) {
  const find = (selector) => element.querySelector(selector);
  const told = JSON.parse(element.dataset.run);
  const clips = ["reference", "result"].flatMap((name) => {
    const video = find(`[data-pane=${name}] video`);
    return video ? [{ video, late_s: name === "result" ? told.late_s : 0 }] : [];
  });
  const run = { element, find, told, clips, playing: false, at_s: 0, replaying: 0 };
  element.addEventListener("click", ({ target }) => {
    current = run;
    deeds[target.closest("[data-do]")?.dataset.do]?.(run);
  });
  clips.forEach(({ video }) => video.addEventListener("loadedmetadata", () => seek(run, run.at_s)));
  return run;
}

const lengthS = (run) => Math.max(0.1, ...run.clips.map(({ video, late_s }) => late_s + (video.duration || 0)));

function seek(run, at_s) {
  run.at_s = Math.max(0, Math.min(at_s, lengthS(run)));
  for (const { video, late_s } of run.clips) {
    if (video.readyState) video.currentTime = Math.max(0, Math.min(run.at_s - late_s, (video.duration || 0) - 0.001));
  }
  paint(run);
}

function paint(run) {
  const head = run.find(".curve b");
  if (head) head.style.left = `${(100 * run.at_s) / lengthS(run)}%`;
  run.find("[data-do=play]").textContent = run.playing ? "Pause" : "Play";
}

function play(run) {
  if (run.playing) return pause(run);
  run.playing = true;
  let before = performance.now();
  const tick = (now) => {
    if (!run.playing) return;
    run.at_s += (now - before) / 1000;
    before = now;
    if (run.at_s >= lengthS(run)) seek(run, 0);
    for (const { video, late_s } of run.clips) follow(video, run.at_s - late_s);
    paint(run);
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}

function follow(video, at_s) {
  const isInside = at_s >= 0 && at_s < (video.duration || 0) - 0.05;
  if (!isInside) { if (!video.paused) video.pause(); return; }
  if (Math.abs(video.currentTime - at_s) > 0.15) video.currentTime = at_s;
  if (video.paused) video.play().catch(() => {});
}

function pause(run) {
  run.playing = false;
  run.clips.forEach(({ video }) => video.pause());
  paint(run);
}

// Shows the states of the run one after another, in the time that they took or in a short one, then the result.
function replay(run, isReal) {
  const { states, total_s } = run.told;
  const cover = run.find(".cover");
  if (!cover || !states.length) return;
  pause(run);
  seek(run, 0);
  const number = ++run.replaying;
  const takes_ms = isReal ? 1000 * total_s : Math.min(SHORT_MS, 1000 * total_s);
  const began = performance.now();
  cover.hidden = false;
  const tick = (now) => {
    if (run.replaying !== number) return;
    const share = takes_ms ? Math.min(1, (now - began) / takes_ms) : 1;
    const passed_s = share * total_s;
    const [words] = states.findLast(([, at_s]) => at_s <= passed_s) || states[0];
    cover.querySelector(".step").textContent = words;
    cover.querySelector(".time").textContent = `${passed_s.toFixed(1)} of ${total_s.toFixed(1)} s${isReal ? "" : ", shortened"}`;
    cover.querySelector("progress").value = share;
    if (share < 1) return requestAnimationFrame(tick);
    cover.hidden = true;
    if (!run.playing) play(run);
  };
  requestAnimationFrame(tick);
}

function present(run) {
  const isOn = !document.body.classList.contains("is-stage");
  document.body.classList.toggle("is-stage", isOn);
  runs.forEach((one) => one.element.classList.toggle("is-shown", isOn && one === run));
  if (isOn) document.documentElement.requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen();
}

function change(by) {
  pause(current);
  current = runs[Math.max(0, Math.min(runs.indexOf(current) + by, runs.length - 1))];
  if (document.body.classList.contains("is-stage")) runs.forEach((one) => one.element.classList.toggle("is-shown", one === current));
  else current.element.scrollIntoView();
}

const deeds = { play, replay: (run) => replay(run, false), "replay-real": (run) => replay(run, true), present };
const keys = {
  " ": play,
  ArrowLeft: (run) => { pause(run); seek(run, run.at_s - STEP_S); },
  ArrowRight: (run) => { pause(run); seek(run, run.at_s + STEP_S); },
  Home: (run) => seek(run, 0),
  r: (run) => replay(run, false),
  R: (run) => replay(run, true),
  p: present,
  PageDown: () => change(1),
  PageUp: () => change(-1),
  Escape: (run) => { if (document.body.classList.contains("is-stage")) present(run); },
};
document.addEventListener("keydown", (event) => {
  if (!current || !keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && event.target.closest("button, summary")) return;
  if (event.key === "Escape" && !document.body.classList.contains("is-stage")) return;
  event.preventDefault();
  keys[event.key](current);
});
document.addEventListener("fullscreenchange", () => {
  if (!document.fullscreenElement && document.body.classList.contains("is-stage")) present(current);
});
