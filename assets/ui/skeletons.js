// The skeletons that the motion match has read, drawn over their clips. They are asked for when they are first wanted.
// Runs before player.js, in its scope.
const BONES = { left: [[1, 3], [3, 5], [5, 13], [7, 9], [9, 11], [11, 15], [1, 7]], right: [[2, 4], [4, 6], [6, 14], [8, 10], [10, 12], [12, 16], [2, 8]], middle: [[1, 2], [7, 8]] };
const SKELETON_AGAIN_MS = 1500;
const skeletons = new Map(); // by the address of the clip: {times_s, joints} or {words}, or null while it comes
let showsSkeletons = false;

async function fetchSkeleton(url) {
  if (skeletons.has(url)) return;
  skeletons.set(url, null);
  let found = { words: t("The skeleton could not be fetched.") };
  try {
    const response = await fetch(new URL(url.replace(/^files\//, "skeletons/"), document.baseURI), { method: "POST" });
    if (response.ok) found = await response.json();
  } catch { setTimeout(() => skeletons.delete(url), SKELETON_AGAIN_MS); } // the app is away for a moment
  skeletons.set(url, found);
  drawSkeletons();
}

const urlOf = ({ video }) => files.get(video)?.of || "";

function showSkeletons(on) {
  showsSkeletons = on;
  element.querySelector("[data-do=skeletons]").setAttribute("aria-pressed", String(on));
  drawSkeletons();
}

function drawSkeletons() {
  for (const clip of clips) drawSkeleton(clip, clip.video.currentTime);
  const words = clips.map((clip) => skeletons.get(urlOf(clip))?.words && t("{name}: {words}", { name: clip.label, words: skeletons.get(urlOf(clip)).words })).filter(Boolean);
  const isComing = showsSkeletons && clips.some((clip) => !skeletons.get(urlOf(clip)));
  element.querySelector(".player-skeleton-words").textContent = !showsSkeletons ? "" : isComing ? t("Reading the skeletons.") : words.join(" ");
}

// The joints at a moment of the clip, [x, y] in thousandths of width and height, or null where one is not seen.
function jointsAt({ times_s, joints }, time) {
  let next = times_s.findIndex((at) => at > time);
  if (next < 0) next = times_s.length;
  const [before, after] = [Math.max(0, next - 1), Math.min(times_s.length - 1, next)];
  const gap_s = times_s[after] - times_s[before];
  if (gap_s > 0.5) return null; // nobody was found between them
  const share = gap_s > 0 ? Math.max(0, Math.min(1, (time - times_s[before]) / gap_s)) : 0;
  return joints[before].map((from, joint) => {
    const to = joints[after][joint];
    return from && to ? [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share] : null;
  });
}

function drawSkeleton(clip, time) {
  const svg = clip.pane.querySelector(".pane-skeleton");
  svg.toggleAttribute("hidden", !showsSkeletons);
  if (!showsSkeletons) return;
  const url = urlOf(clip);
  if (!skeletons.has(url)) fetchSkeleton(url);
  const { videoWidth: width, videoHeight: height } = clip.video;
  const found = skeletons.get(url);
  const joints = width && found?.times_s?.length ? jointsAt(found, time) : null;
  svg.setAttribute("viewBox", `0 0 ${width || 1} ${height || 1}`);
  const place = ([x, y]) => `${((x * width) / 1000).toFixed(1)} ${((y * height) / 1000).toFixed(1)}`;
  for (const path of svg.querySelectorAll("path")) {
    const bones = joints ? (BONES[path.dataset.side] || Object.values(BONES).flat()).filter(([a, b]) => joints[a] && joints[b]) : [];
    const nose = joints?.[0] && joints[1] && joints[2] && path.dataset.side !== "left" && path.dataset.side !== "right" ? [`M${place(joints[0])}L${place(joints[1].map((value, axis) => (value + joints[2][axis]) / 2))}`] : [];
    path.setAttribute("d", [...bones.map(([a, b]) => `M${place(joints[a])}L${place(joints[b])}`), ...nose].join(""));
  }
}

// Each frame that is shown has its skeleton: by the frame's own time where the browser tells it.
function watchFrames(pane) {
  const video = videoOf(pane);
  if (!video.requestVideoFrameCallback) { video.addEventListener("seeked", drawSkeletons); return; }
  const onFrame = (_, { mediaTime }) => {
    if (!pane.isConnected) return;
    const clip = clips.find((one) => one.video === video);
    if (clip && showsSkeletons) drawSkeleton(clip, mediaTime + 0.5 / clip.fps);
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
}
