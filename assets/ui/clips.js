// The panes of the player, and what each shows of which file, see playable.js: the picture, the reference, and up to
// four results. Runs before player.js, in its scope.
const RESULTS_MAX = 4;
const files = new Map(); // of nodes
const panes = element.querySelector(".panes");
const paneOf = (name) => panes.querySelector(`[data-pane="${name}"]`);
const videoOf = (pane) => pane.querySelector("video");
const resultName = (place) => (place ? `result-${place + 1}` : "result");
const resultPanes = () => [...panes.querySelectorAll(".pane[data-pane^=result]")];

function shape(node, ratio) {
  if (ratio > 0) node.closest(".pane").style.setProperty("--ratio", String(ratio));
  arrange();
}

function wire(pane) {
  const video = videoOf(pane);
  video.addEventListener("loadedmetadata", () => { shape(video, video.videoWidth / video.videoHeight); drawTimeline(); paintTime(); });
  video.addEventListener("loadeddata", () => { if (!playing) seek(wanted ?? position); });
  video.addEventListener("error", () => onUnshown(video));
  watchFrames(pane);
}

// As many panes as there are results, at least one: it waits for the first.
function placeResults(count) {
  const [first, ...more] = resultPanes();
  const wantedMore = Math.min(RESULTS_MAX, Math.max(1, count)) - 1;
  for (const pane of more.slice(wantedMore)) { put(videoOf(pane), ""); pane.remove(); }
  for (let place = more.length; place < wantedMore; place += 1) {
    const pane = first.cloneNode(true);
    pane.dataset.pane = resultName(place + 1);
    pane.classList.remove("is-waiting");
    for (const name of ["src", "poster"]) videoOf(pane).removeAttribute(name);
    for (const words of pane.querySelectorAll(".pane-copy, .pane-wait")) words.textContent = "";
    panes.append(pane);
    wire(pane);
  }
}

function put(node, url, poster = "") {
  if ((files.get(node)?.of || "") === (url || "")) return false;
  files.set(node, { of: url, poster });
  setSource(node, url);
  drawCopy(node, { poster });
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
  const { of, poster } = files.get(node);
  const asked = { of, poster, tries };
  files.set(node, asked);
  askWhatToShow(node.matches("video") ? "video" : "image", asked.of, tries > 0, () => files.get(node) === asked, (answer) => {
    Object.assign(asked, answer, { poster: answer.poster || poster });
    drawCopy(node, asked);
    const isNew = setSource(node, asked.url);
    gather();
    if (isNew && node.matches("video")) begin();
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

// Gives the clock what is there to be played, each at its own place in time.
function gather() {
  const { results = [] } = shown();
  const rates = results.map(({ fps }) => fps).filter(Boolean);
  const rows = [{ name: "reference", label: t("Reference"), at: 0 }, ...results.slice(0, RESULTS_MAX).map((result, place, all) => (
    { name: resultName(place), label: nameAmong(result, place, all), at: result.offset || 0, fps: result.fps }))];
  clips = rows.map((row) => {
    const pane = paneOf(row.name);
    const video = videoOf(pane);
    const known = files.get(video)?.fps;
    return { ...row, pane, video, fps: row.fps || known || rates[0] || 30 };
  }).filter(({ video }) => video.getAttribute("src"));
  leader = null;
  for (const { video } of clips) video.playbackRate = speed;
  drawSounds();
  drawPairs();
}

const nameOf = ({ label }, place) => label || (place ? t("Result {number}", { number: place + 1 }) : t("Result"));
// Among others a result carries its motion match.
function nameAmong(result, place, all) {
  const name = nameOf(result, place);
  return all.length > 1 && Number.isFinite(result.score) ? t("{name}, match {score}", { name, score: Math.round(result.score) }) : name;
}

const picture = paneOf("image").querySelector("img");
picture.addEventListener("error", () => onUnshown(picture));
picture.addEventListener("load", () => {
  const ratio = picture.naturalWidth / picture.naturalHeight;
  shape(picture, ratio);
  if (!videoOf(paneOf("result")).getAttribute("src")) shape(paneOf("result"), ratio); // a result has its picture's shape
});
