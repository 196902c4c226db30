// Records a clip with the camera inside the slot of the reference; hands the file to send() of slot.js.
const RECORD_MIN_S = 3;
const RECORD_MAX_S = 30;
const COUNTDOWN_S = 3;
const panel = find(".slot-recorder");
const view = find(".recorder-view");
const words = find(".recorder-words");
const startButton = find("[data-do=start]");
const recordButton = find("[data-do=record]");
let stream = null;
let recorder = null;
let ticking = null;

const formats = ["video/mp4;codecs=avc1.42E01F,mp4a.40.2", "video/mp4", "video/webm;codecs=vp8,opus", "video/webm"];

// Large on the picture of oneself, to be read from where the whole figure is in view.
function showCount(text, { isLive = false } = {}) {
  find(".recorder-count").textContent = isLive ? "" : text;
  show(find(".recorder-count"), Boolean(text) && !isLive);
  find(".recorder-live").textContent = isLive ? text : "";
  show(find(".recorder-live"), isLive);
}

function ready() {
  clearInterval(ticking);
  ticking = null;
  showCount("");
  words.textContent = t("Step back until your whole figure is in view. At least 3 s, at most 30 s.");
  startButton.textContent = t("Start recording");
  startButton.disabled = false;
}

function closeCamera() {
  clearInterval(ticking);
  showCount("");
  if (recorder?.state === "recording") { recorder.onstop = null; recorder.stop(); }
  stream?.getTracks().forEach((track) => track.stop());
  stream = recorder = ticking = null;
  view.srcObject = null;
  const hadFocus = panel.contains(document.activeElement);
  show(panel, false);
  if (hadFocus) recordButton.focus();
  recordButton.setAttribute("aria-expanded", "false");
}

async function openCamera() {
  fail("");
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
      audio: true,
    });
  } catch (error) {
    const denied = error.name === "NotAllowedError";
    return fail(denied ? t("The camera was not allowed.") : t("No camera could be opened."),
      denied ? t("Allow it in the browser's address bar, or choose a file.") : t("Choose a file instead."));
  }
  stream.getVideoTracks()[0].onended = () => { closeCamera(); fail(t("The camera was taken away."), t("Connect it and try again, or choose a file.")); };
  view.srcObject = stream;
  await view.play();
  ready();
  show(panel, true);
  recordButton.setAttribute("aria-expanded", "true");
  startButton.focus();
}

function record() {
  const type = formats.find((format) => MediaRecorder.isTypeSupported(format)) || "";
  const parts = [];
  recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: 8e6 });
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.onstop = () => {
    const suffix = recorder.mimeType.includes("mp4") ? "mp4" : "webm";
    const file = new File(parts, `recording.${suffix}`, { type: `video/${suffix}` });
    recorder = null;
    closeCamera();
    send(file, true);
  };
  recorder.start();
  startButton.textContent = t("Stop");
  startButton.disabled = true; // until there is enough of it
  showCount("0 s", { isLive: true });
  const began = performance.now();
  ticking = setInterval(() => {
    if (!element.isConnected) return closeCamera();
    const seconds = (performance.now() - began) / 1000;
    words.textContent = t("Recording");
    showCount(`${Math.floor(seconds)} s`, { isLive: true });
    startButton.disabled = seconds < RECORD_MIN_S;
    if (seconds >= RECORD_MAX_S) recorder.stop();
  }, 250);
}

function countDown() {
  let left = COUNTDOWN_S;
  startButton.textContent = t("Cancel");
  const say = () => { words.textContent = t("Starts in {seconds}", { seconds: left }); showCount(String(left)); };
  say();
  ticking = setInterval(() => {
    if (!element.isConnected) return closeCamera();
    left -= 1;
    if (left > 0) return say();
    clearInterval(ticking);
    record();
  }, 1000);
}

show(recordButton, Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder));
element.addEventListener("click", (event) => {
  const what = event.target.closest("[data-do]")?.dataset.do;
  if (what === "record") panel.hidden ? openCamera() : closeCamera();
  if (what === "stop-camera") closeCamera();
  if (what !== "start") return;
  if (recorder?.state === "recording") { clearInterval(ticking); recorder.stop(); }
  else if (ticking) ready();
  else countDown();
});
