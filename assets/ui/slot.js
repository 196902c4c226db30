// One input of a run: takes a file by choosing, dropping, pasting, recording or link, and shows what was found in it.
// Python owns the value; this script only shows it (text through textContent) and reports what the person did.
// Events for Python: 'handed' with {seq} and {ref, recorded} or {url}; 'undo'.
const find = (selector) => element.querySelector(selector);
const kind = props.kind;
const isVideo = kind === "video";
const title = props.title;

const QUIET_MS = 30000; // without any progress an upload is given up
const UNHEARD_MS = 25000; // until Python says that it looks at what was handed over; an event that got lost is sent again
const HANDED_MAX = 3; // times
const box = find(".slot-media");
const picture = find(".slot-picture");
const clip = find(".slot-clip");
const strip = find(".slot-strip");
const chooser = find("input[type=file]");
const linkForm = find(".slot-link");
const evidence = find("[data-do=evidence]");
const playButton = find(".slot-play");

let sent = 0; // number of the newest thing the person handed in; older answers are ignored
let unheard = 0; // which of them Python has said nothing of yet
let upload = null;
let localUrl = null;
let unplayable = null; // what this browser failed to play before the server knew it; it need not try again
let copy = null; // what the server said is to be shown of the file that stands here, see playable.js
let shownRef = null; // which file of Python's stands here; none while a new one is on its way
let standing = null; // the value that stands here, to go back to when an answer comes too late
let good = null; // the newest input that can be used: a replacement that fails leaves it here

for (const part of isVideo ? [".editor", ".slot-correct", ".slot-corrected"] : [".slot-recorder", ".reel", ".slot-strip"]) find(part).remove();
if (isVideo) { wireTimeline(); wireTrim(); }
wireAdjust();
find(".step").textContent = props.step;
find(".slot-title").textContent = title;
find(".slot-link .unseen").textContent = isVideo ? t("Address of the clip") : t("Address of the picture");
box.setAttribute("aria-label", isVideo ? t("{title}: drop a file here", { title }) : t("{title}: drop or paste a file here", { title }));
chooser.accept = isVideo ? "video/*,.mkv,.mov,.avi,.gif" : "image/*,.heic,.heif,.avif,.jp2,.j2k";
chooser.setAttribute("aria-label", title);

function show(node, visible) { node.hidden = !visible; }

// `share` of an upload, 0-1, is also said beside the button: there is nothing to run with meanwhile.
function busy(words, { canCancel = false, share = null } = {}) {
  show(find(".slot-busy"), Boolean(words));
  show(find("[data-do=cancel-upload]"), canCancel);
  document.dispatchEvent(new CustomEvent("kling-upload", { detail: { kind, share } }));
  find(".slot-busy-words").textContent = words || "";
  find(".slot").setAttribute("aria-busy", String(Boolean(words)));
}

function fail(message, advice) {
  const line = find(".slot-error");
  line.textContent = [message, advice].filter(Boolean).join(BETWEEN);
  show(line, Boolean(message));
}

function facts(rows) {
  const list = find(".slot-facts");
  list.replaceChildren();
  for (const [name, text] of rows || []) {
    const term = document.createElement("dt");
    const about = document.createElement("dd");
    term.textContent = name;
    about.textContent = text;
    list.append(term, about);
  }
}

function setSource(node, url) {
  if (node.getAttribute("src") === url) return;
  if (url) node.setAttribute("src", url);
  else { node.removeAttribute("src"); if (node.load) node.load(); }
}

function showMedia(url, overlay) {
  const lit = evidence.getAttribute("aria-pressed") === "true";
  const shown = overlay && (lit || !url) ? overlay : url;
  if (copy && copy.of !== url) copy = null;
  if (!copy && url && url === props.value?.url && props.value.needs_copy) askForCopy(url);
  const ofCopy = copy && shown === url ? copy : null;
  const source = ofCopy ? ofCopy.url : shown === unplayable ? "" : shown;
  if (isVideo) setPoster(ofCopy?.poster);
  setSource(isVideo ? clip : picture, source || "");
  show(isVideo ? clip : picture, Boolean(source || ofCopy?.poster));
  show(find(".slot-blank"), !shown);
  show(playButton, isVideo && Boolean(source));
  show(find(".slot-copy"), Boolean(ofCopy?.words));
  find(".slot-copy").textContent = ofCopy?.words || "";
}

// Its place is known before its pixels are here, so that nothing below it jumps.
function keepRatio(sizePx) {
  (isVideo ? clip : picture).style.aspectRatio = sizePx ? `auto ${sizePx.join(" / ")}` : "";
}

function setPoster(url) {
  if ((clip.getAttribute("poster") || "") === (url || "")) return;
  if (url) clip.setAttribute("poster", url);
  else clip.removeAttribute("poster");
}

function askForCopy(url, tries = 0) {
  const asked = copy = { of: url, tries };
  askWhatToShow(kind, url, tries > 0, () => copy === asked, (answer) => {
    Object.assign(asked, answer);
    showMedia(localUrl || props.value?.url, props.value?.overlay);
  });
}

// This browser cannot show what stands here: a copy is asked for, and once more where the copy is gone.
function onUnshown(node) {
  const source = node.getAttribute("src");
  if (!source) return;
  if (source === localUrl) unplayable = source;
  else if (copy && source === copy.url && copy.tries >= TRIES_MAX) Object.assign(copy, { url: "", words: NOT_SHOWN });
  else if (copy ? source === copy.url : source === props.value?.url) askForCopy(props.value.url, (copy?.tries || 0) + 1);
  showMedia(localUrl || props.value?.url, props.value?.overlay);
}

function isLate(value) {
  if (value.instead_of) return ![value.instead_of, value.ref].includes(shownRef); // a repair of what is here no more
  return Boolean(value.seq) && value.seq < sent;
}

function render() {
  const value = props.value || {};
  if (isLate(value)) { props.value = standing; return; }
  if (value.seq === unheard) unheard = 0;
  if (value.error && !value.ref && good) return restore(value);
  standing = value;
  shownRef = value.ref || null;
  if (value.ref && !value.error && !value.busy) good = value;
  if (value.instead_of || !value.seq) { sent += 1; upload?.abort(); } // chosen elsewhere, such as an example
  const onItsWay = value.busy && !value.url;
  if (localUrl && !onItsWay) { URL.revokeObjectURL(localUrl); localUrl = null; }
  keepRatio(value.size_px);
  showMedia(localUrl || value.url, value.overlay);
  picture.alt = value.alt || "";
  busy(value.busy);
  fail(value.error, value.advice);
  facts(value.facts);
  find(".slot-found").textContent = value.found || "";
  show(evidence, Boolean(value.overlay));
  showCorrected(value);
  showStrip(value.strip, value.strip_alt);
  drawTimeline(value.timeline);
  drawRepaired(value.repaired, Boolean(value.instead_of)); // what was not asked for does not unfold
  drawAdjust(value);
  find(".slot").classList.toggle("is-empty", !value.url && !value.overlay && !localUrl);
}

function showCorrected({ corrected, can_correct }) {
  if (isVideo) return;
  find(".slot-corrected").textContent = corrected || "";
  show(find(".slot-corrected"), Boolean(corrected));
  show(find(".slot-correct"), Boolean(can_correct));
}

function showStrip(url, alt) {
  if (!strip) return;
  show(strip, Boolean(url));
  setSource(strip.querySelector("img"), url || "");
  strip.querySelector("img").alt = alt || "";
}

function tell(value) {
  shownRef = null;
  standing = props.value = value;
}

// What was here stays, with the reason why the new one did not come; an address that was typed stays, too.
function restore({ error, advice, seq, origin }) {
  const value = { ...good, seq, error, advice };
  tell(value);
  render();
  if (!origin) return;
  toggleLink(true);
  linkForm.querySelector("input").value = origin;
}

function clear() {
  facts([]);
  fail("");
  find(".slot-found").textContent = "";
  show(evidence, false);
  showCorrected({});
  showStrip("");
  drawTimeline(null);
  drawRepaired(null);
  drawAdjust({});
}

function send(file, recorded = false) {
  if (file.size > props.max_bytes) return fail(t("This file is larger than {size} MB, the most that can be sent here.", { size: Math.round(props.max_bytes / 2 ** 20) }), t("Choose a smaller one."));
  const seq = ++sent;
  upload?.abort();
  clear();
  localUrl = URL.createObjectURL(file);
  showMedia(localUrl, "");
  busy(t("Uploading"), { canCancel: true, share: 0 });
  tell({ busy: t("Uploading"), seq }); // until Python knows it, there is nothing to run with
  const request = upload = new XMLHttpRequest();
  let quiet = null;
  const listen = () => {
    clearTimeout(quiet);
    quiet = setTimeout(() => { request.abort(); gone(t("The upload stopped: for {seconds} s nothing arrived.", { seconds: QUIET_MS / 1000 }), t("Check the connection and try again.")); }, QUIET_MS);
  };
  const gone = (message, advice) => {
    clearTimeout(quiet);
    if (seq !== sent) return;
    busy("");
    if (good) return restore({ error: message, advice, seq });
    fail(message, advice);
    tell({ seq });
  };
  request.open("POST", new URL("./inputs", document.baseURI));
  request.setRequestHeader("X-File-Name", encodeURIComponent(file.name || `recording.${isVideo ? "mp4" : "png"}`));
  request.upload.onprogress = (event) => {
    clearTimeout(quiet);
    if (seq !== sent || !event.lengthComputable || event.loaded >= event.total) return;
    listen();
    busy(t("Uploading, {percent} %", { percent: Math.round((100 * event.loaded) / event.total) }), { canCancel: true, share: event.loaded / event.total });
  };
  request.onabort = () => clearTimeout(quiet);
  request.onload = () => {
    clearTimeout(quiet);
    let answer = {};
    try { answer = JSON.parse(request.responseText); } catch { /* a proxy's own page */ }
    if (request.status !== 200) return gone(answer.error || t("The file did not arrive."), answer.advice || t("Try again."));
    if (seq !== sent) return;
    busy(t("Reading the file"));
    handOver({ ref: answer.ref, recorded, seq }, gone);
  };
  request.onerror = () => gone(t("The upload broke off: the app does not answer."), t("Check the connection and try again."));
  listen();
  request.send(file);
}

// What was on its way is given up; what was here before is here again.
function cancel() {
  upload?.abort();
  const seq = ++sent;
  if (localUrl) { URL.revokeObjectURL(localUrl); localUrl = null; }
  if (good) return restore({ seq });
  showMedia("", "");
  busy("");
  tell({ seq });
}

function fits(file) {
  return !file.type || file.type.startsWith(`${kind}/`) || file.type === "application/octet-stream" || (isVideo && file.type === "image/gif");
}

function takeFiles(files) {
  const list = [...(files || [])];
  const file = list.find(fits);
  if (file) send(file);
  else if (list.some(isForTheOther)) hand({ files: list });
  else if (list.length && isVideo) fail(t("This is not a video."), t("Choose an MP4 or MOV file."));
  else if (list.length) fail(t("This is not a picture."), t("Choose a JPEG or PNG file."));
}

// A picture that was dropped on the clip's place, or anything beside both, goes where it belongs.
const isForTheOther = (file) => file.type.startsWith(isVideo ? "image/" : "video/");
const hand = (detail) => document.dispatchEvent(new CustomEvent("kling-input", { detail }));

function receive({ detail }) {
  if (!element.isConnected) return document.removeEventListener("kling-input", receive);
  const file = (detail.files || []).find((one) => one.type.startsWith(`${kind}/`));
  if (file) send(file);
  else if (detail.url && kindOf(detail.url) === kind) takeLink(detail.url);
}
document.addEventListener("kling-input", receive);

const isAddress = (text) => /^https?:\/\/\S+$/i.test(text.trim());
function kindOf(url) {
  const end = url.trim().split(/[?#]/)[0].split(".").pop().toLowerCase();
  if (/^(mp4|m4v|mov|webm|mkv|avi|gif)$/.test(end)) return "video";
  return /^(jpe?g|png|webp|avif|heic|heif|bmp|tiff?|jp2|j2k)$/.test(end) ? "image" : "";
}

function takeLink(text) {
  const url = text.trim();
  if (!/^https?:\/\//i.test(url)) return fail(t("This is not a web address."), t("It starts with https://."));
  upload?.abort();
  clear();
  showMedia("", "");
  busy(t("Fetching the file"), { canCancel: true });
  toggleLink(false);
  const seq = ++sent;
  tell({ busy: t("Fetching the file"), seq });
  handOver({ url, seq }, (words) => { if (seq === sent) restore({ error: words, seq, origin: url }); });
}

// Whatever becomes of the event on its way: the place does not stay busy for good.
function handOver(given, giveUp, times = 1) {
  unheard = given.seq;
  trigger("handed", given);
  setTimeout(() => {
    if (!element.isConnected || unheard !== given.seq || given.seq !== sent) return;
    if (times < HANDED_MAX) handOver(given, giveUp, times + 1);
    else giveUp(t("The app did not answer. Try again."));
  }, UNHEARD_MS);
}

function toggleLink(open) {
  show(linkForm, open);
  find("[data-do=link]").setAttribute("aria-expanded", String(open));
  const field = linkForm.querySelector("input");
  if (open) field.focus();
  else field.value = "";
}

chooser.addEventListener("change", () => { takeFiles(chooser.files); chooser.value = ""; });
linkForm.addEventListener("submit", (event) => { event.preventDefault(); takeLink(linkForm.querySelector("input").value); });
find(".slot-blank").addEventListener("click", () => chooser.click());
element.addEventListener("click", (event) => {
  const what = event.target.closest("[data-do]")?.dataset.do;
  if (what === "choose") chooser.click();
  if (what === "link") toggleLink(linkForm.hidden);
  if (what === "watch") clip.paused ? clip.play() : clip.pause();
  if (what === "cancel-upload") cancel();
  if (what === "undo") { keepFocus(event.target); event.target.disabled = true; trigger("undo"); }
  if (what === "evidence") {
    evidence.setAttribute("aria-pressed", String(evidence.getAttribute("aria-pressed") !== "true"));
    showMedia(props.value?.url, props.value?.overlay);
  }
});

let depth = 0;
const over = (on) => find(".slot").classList.toggle("is-over", on);
element.addEventListener("dragenter", (event) => { event.preventDefault(); depth += 1; over(true); });
element.addEventListener("dragleave", () => { depth -= 1; if (depth <= 0) over(false); });
element.addEventListener("dragover", (event) => event.preventDefault());
element.addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  over(false);
  if (bringsCard(event.dataTransfer.files)) return;
  if (event.dataTransfer.files.length) takeFiles(event.dataTransfer.files);
  else takeLink(event.dataTransfer.getData("text/uri-list") || event.dataTransfer.getData("text/plain") || "");
});

// A run card that is dropped anywhere is opened, together with the files that are dropped with it: see cards.js.
function bringsCard(dropped) {
  const files = [...dropped];
  if (!files.some(({ name }) => name.toLowerCase().endsWith(".run.json"))) return false;
  document.dispatchEvent(new CustomEvent("kling-card", { detail: { files } }));
  return true;
}

// Beside both places a file must not replace the page; one of the two scripts sees to that.
function overPage(event) {
  if (!element.isConnected) return window.removeEventListener("dragover", overPage);
  event.preventDefault();
}
function dropOnPage(event) {
  if (!element.isConnected) return window.removeEventListener("drop", dropOnPage);
  if (event.defaultPrevented || event.target.closest?.("input, textarea")) return;
  event.preventDefault();
  if (bringsCard(event.dataTransfer.files)) return;
  const url = event.dataTransfer.getData("text/uri-list") || event.dataTransfer.getData("text/plain");
  hand(event.dataTransfer.files.length ? { files: [...event.dataTransfer.files] } : { url });
}
if (!isVideo) {
  window.addEventListener("dragover", overPage);
  window.addEventListener("drop", dropOnPage);
}

function paste(event) {
  if (!element.isConnected) return document.removeEventListener("paste", paste);
  const typing = event.target.closest?.("input, textarea, [contenteditable]");
  const here = element.contains(event.target);
  const files = [...(event.clipboardData?.files || [])];
  const text = event.clipboardData?.getData("text/plain") || "";
  if (files.some((file) => file.type.startsWith(`${kind}/`))) { event.preventDefault(); takeFiles(files); }
  else if (!typing && isAddress(text) && (here || element.matches(":hover") || kindOf(text) === kind)) { event.preventDefault(); takeLink(text); }
}
document.addEventListener("paste", paste);

picture.addEventListener("error", () => onUnshown(picture));
clip.addEventListener("error", () => onUnshown(clip));
for (const moment of ["play", "pause", "emptied"]) clip.addEventListener(moment, () => {
  playButton.classList.toggle("is-playing", !clip.paused);
  playButton.setAttribute("aria-label", clip.paused ? t("Play the clip") : t("Pause the clip"));
});
find(".slot-blank").textContent = props.blank;

watch("value", render);
render();
