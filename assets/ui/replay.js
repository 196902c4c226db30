// The replay of a run that was opened from its card: its states in the time that they took, or in a short one, and then
// its result. Nothing runs, and nothing is asked for. Runs before player.js, in its scope.
const SHORT_REPLAY_MS = 9000;
const replayBox = element.querySelector(".pane-replay");
let replaying = 0; // the number of the replay that goes on

function renderReplay({ replay }) {
  element.querySelectorAll("[data-do^=replay]").forEach((button) => { button.hidden = !replay; });
  replaying += 1;
  replayBox.hidden = true;
}

function replayRun(isReal) {
  const { replay } = shown();
  if (!replay) return;
  const number = ++replaying;
  const { states, total_s } = replay;
  const takes_ms = isReal ? 1000 * total_s : Math.min(SHORT_REPLAY_MS, 1000 * total_s);
  const [words, time, bar] = replayBox.children;
  stop();
  seek(0);
  const began = performance.now();
  replayBox.hidden = false;
  const tick = (now) => {
    if (replaying !== number || !element.isConnected) return;
    const share = takes_ms ? Math.min(1, Math.max(0, now - began) / takes_ms) : 1;
    const passed_s = share * total_s;
    words.textContent = (states.findLast(([, at_s]) => at_s <= passed_s) || states[0])[0];
    const times = { passed: passed_s.toFixed(1), total: `${total_s.toFixed(1)} s` };
    time.textContent = isReal ? t("{passed} of {total}", times) : t("{passed} of {total}, shortened", times);
    bar.value = share;
    if (share < 1) return requestAnimationFrame(tick);
    replayBox.hidden = true;
    start();
  };
  requestAnimationFrame(tick);
}
