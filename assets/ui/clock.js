// Clips in step on one time, which is the reference's own: a result may begin later in it, and each ends when it ends.
// One clip leads, the audible one if there is one; the others are bent towards it. Runs before player.js, in its scope.
const JUMP_S = 0.3; // a follower that is farther off is set, not bent
const CALM_S = 0.004; // a follower that is closer is left alone
const SETTLE_S = 0.2; // in which a follower should have caught up
const BEND = 0.6; // the most by which its speed is bent, as a share
const EDGE_S = 0.25; // of a clip's end, in which it need not have more than what it shows

let clips = []; // what plays: {name, label, video, at, fps}; `at` is where its beginning lies
let position = 0; // seconds
let playing = false;
let speed = 1;
let looping = true;
let span = null; // the part that is looped, {from_s, to_s}; null for all of it
let sound = ""; // the name of the clip that is heard
let leader = null;
let landing = null; // the seek under way
let wanted = null; // where it should go next
let isHeld = false; // all wait for one that has nothing to show yet
let isFollowing = false;

const lengthOf = ({ video }) => (Number.isFinite(video.duration) ? video.duration : 0);
const endOf = (clip) => clip.at + lengthOf(clip);
const lengthS = () => Math.max(0, ...clips.map(endOf)) || shown().duration_s || 0;
const frameAt = (clip, time) => Math.floor((time - clip.at) * clip.fps + 1e-3);
const runsAt = (clip, time) => time >= clip.at && time < endOf(clip) - 0.002;
const isPlayable = (clip) => lengthOf(clip) > 0 && runsAt(clip, position) && !clip.video.ended;

// Whose frames are stepped through at a moment: the first result's, or those of a clip that lasts longer.
function gridAt(time) {
  const first = clips.find(({ name }) => name === "result") || clips[0];
  return [first, ...clips].find((clip) => clip && runsAt(clip, time)) || first;
}

// The middle of the frame that a clip shows at a moment, in its own seconds; its first or last one outside of it.
function middleOf(clip, time) {
  const last = Math.max(0, Math.round(lengthOf(clip) * clip.fps) - 1);
  return (Math.max(0, Math.min(frameAt(clip, time), last)) + 0.5) / clip.fps;
}

// The beginning of the frame that belongs to a moment.
function within(time) {
  const held = Math.max(0, Math.min(time, lengthS() - 0.004));
  const clip = gridAt(held);
  return clip ? Math.max(0, clip.at + frameAt(clip, held) / clip.fps) : held;
}

function setTime({ video }, time) {
  if (!video.readyState || (Math.abs(video.currentTime - time) < 1e-4 && !video.seeking)) return null;
  return new Promise((done) => {
    video.addEventListener("seeked", done, { once: true });
    setTimeout(done, 2000);
    video.currentTime = time;
  });
}

// Every clip lands on the frame of that moment; while one landing is under way only the newest wish is kept.
function seek(time) {
  wanted = within(time);
  landing ??= land();
  return landing;
}

async function land() {
  try {
    while (wanted !== null) {
      position = wanted;
      wanted = null;
      leader = null;
      clips.forEach(({ video }) => video.pause());
      await Promise.all(clips.map((clip) => setTime(clip, middleOf(clip, position))));
      paintTime();
    }
  } finally { landing = null; }
  if (playing) await run();
}

async function start() {
  playing = true;
  paintButtons();
  if (!landing) await run();
}

async function run() {
  isHeld = false;
  clips.forEach(({ video }) => { video.playbackRate = speed; });
  if (!isFollowing) requestAnimationFrame(follow);
  isFollowing = true;
  const begun = clips.filter(isPlayable);
  try { await Promise.all(begun.map(({ video }) => video.play())); }
  catch { if (!landing && begun.length && begun.every(({ video }) => video.paused && !video.ended)) stop(); } // not when a seek paused them
}

function stop() {
  const wasPlaying = playing;
  playing = false;
  clips.forEach(({ video }) => video.pause());
  paintButtons();
  if (wasPlaying) seek(position); // so that all of them stand on the frame of one moment
  else paintTime();
}

function leading() {
  const running = clips.filter(isPlayable);
  const heard = running.find(({ name }) => name === sound);
  if (!running.includes(leader) || (heard && leader !== heard)) {
    leader = heard || running.find(({ name }) => name !== "reference") || running[0] || null;
  }
  return leader;
}

function follow() {
  isFollowing = playing && element.isConnected;
  if (!isFollowing) return;
  requestAnimationFrame(follow);
  if (landing) return;
  const first = leading();
  if (!first) { finish(); return; }
  if (!wait()) return;
  position = first.at + first.video.currentTime;
  const end = span ? span.to_s - 0.5 / gridAt(span.to_s).fps : Infinity;
  if (looping && position >= end) { seek(span.from_s); return; }
  for (const clip of clips) if (clip !== first) keep(clip, position - clip.at);
  paintTime();
}

// Holds all of them while one has not come far enough; tells whether they go on.
function wait() {
  const running = clips.filter(isPlayable);
  const late = running.some((clip) => clip.video.readyState < 3 && position < endOf(clip) - EDGE_S);
  if (late && !isHeld) running.forEach(({ video }) => video.pause());
  if (!late && isHeld) running.forEach(({ video }) => video.play().catch(() => {}));
  isHeld = late;
  return !late;
}

function keep(clip, time) {
  const { video } = clip;
  if (video.seeking || !lengthOf(clip)) return; // another seek now would undo this one, and on a slow machine none would ever land
  if (time < 0) {
    if (!video.paused) video.pause();
    if (video.currentTime > 1 / clip.fps) video.currentTime = middleOf(clip, clip.at);
    return;
  }
  if (time >= lengthOf(clip) - 0.002) return; // it runs out by itself, and holds its last frame
  const ahead = video.currentTime - time;
  if (Math.abs(ahead) > JUMP_S) video.currentTime = time;
  if (video.ended) return;
  if (video.paused) { video.play().catch(() => {}); return; }
  const isBent = video.playbackRate !== speed;
  const bend = ahead / (SETTLE_S * speed);
  if (Math.abs(ahead) > CALM_S || (isBent && Math.abs(ahead) > CALM_S / 2)) video.playbackRate = speed * (1 - Math.max(-BEND, Math.min(BEND, bend)));
  else if (isBent) video.playbackRate = speed;
}

function finish() {
  if (looping) { seek(span ? span.from_s : 0); return; }
  position = lengthS();
  stop();
}

function step(frames) {
  const clip = gridAt(position);
  if (!clip) return null; // a copy is still being made
  if (playing) stop();
  return seek(clip.at + (frameAt(clip, position) + frames) / clip.fps);
}

function toggle() {
  if (!clips.length) return null;
  if (playing) return stop();
  const frame_s = 1.5 / gridAt(position).fps;
  const isOver = position >= lengthS() - frame_s || (looping && span && position >= span.to_s - frame_s);
  if (isOver) seek(span && looping ? span.from_s : 0);
  return start();
}

function setSpeed(value) {
  speed = value;
  clips.forEach(({ video }) => { video.playbackRate = speed; });
}

function hear(name) {
  sound = clips.some((clip) => clip.name === name) ? name : "";
  for (const clip of clips) clip.video.muted = clip.name !== sound;
}

// What stands below a clip that has not begun yet or is over.
function standing(clip) {
  const slack = 1.5 / clip.fps;
  if (!lengthOf(clip)) return "";
  if (position < clip.at - slack / 2) return t("starts at {time}", { time: `${clip.at.toFixed(1)}\u00a0s` });
  if (endOf(clip) < lengthS() - slack && position >= endOf(clip) - 0.5 / clip.fps) return t("ended at {time}", { time: `${endOf(clip).toFixed(1)}\u00a0s` });
  return "";
}
