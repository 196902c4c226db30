// The clip's time: what each part of it is, in a row above a legend. A part plays when it is pressed; a good one can
// be all that is kept. Event for Python: 'repair' with {kinds, span}.
const LEAST_S = 3; // shorter clips are not taken
let chosenSpan = null; // what is being played, until it ends

const clock = (time) => time.toFixed(1);

function drawTimeline(timeline) {
  const box = find(".reel");
  if (!box) return;
  box.hidden = !timeline;
  const drawn = JSON.stringify(timeline || null);
  if (!timeline || box.dataset.drawn === drawn) return;
  box.dataset.drawn = drawn;
  drawTrim(timeline.duration_s);
  chosenSpan = null;
  showChosen();
  find(".reel-words").textContent = timeline.sentence;
  find(".reel-row").replaceChildren(...timeline.spans.map((span, place) => part(span, place, timeline.duration_s)), make("span", "reel-now"));
  find(".reel-end").textContent = `${clock(timeline.duration_s)} s`;
  find(".reel-legend").hidden = timeline.legend.length < 2; // one kind: the sentence says it
  find(".reel-legend").replaceChildren(...timeline.legend.map((entry) => {
    const item = make("li", "", entry.words);
    item.prepend(make("span", `swatch is-${entry.kind}`));
    return item;
  }));
}

function part(span, place, duration_s) {
  const button = make("button", `part is-${span.kind}`);
  const isInstant = span.end_s - span.start_s < 0.05;
  button.type = "button";
  button.tabIndex = place ? -1 : 0;
  button.classList.toggle("is-instant", isInstant);
  button.style.left = `${(100 * span.start_s) / duration_s}%`;
  if (!isInstant) button.style.width = `${(100 * (span.end_s - span.start_s)) / duration_s}%`;
  button.title = span.words;
  button.setAttribute("aria-label", t("{words}. Play it.", { words: span.words }));
  button.addEventListener("click", () => playSpan(span));
  return button;
}

function playSpan(span) {
  chosenSpan = { ...span, end_s: Math.max(span.end_s, span.start_s + 0.8), start_s: span.end_s - span.start_s < 0.05 ? Math.max(0, span.start_s - 0.8) : span.start_s };
  showChosen(span);
  if (!clip.getAttribute("src") || clip.hidden) return;
  clip.currentTime = chosenSpan.start_s + 0.001;
  clip.play().catch(() => {}); // a browser that cannot play it says so in the clip's own place
}

function showChosen(span) {
  const line = find(".reel-chosen");
  line.hidden = !span;
  if (!span) return;
  const timeline = props.value?.timeline;
  line.querySelector("span").textContent = span.words;
  const keep = line.querySelector("button");
  const length_s = span.end_s - span.start_s;
  keep.hidden = span.kind !== "good" || length_s < LEAST_S || length_s > (timeline?.duration_s || 0) - 0.1;
  keep.onclick = () => trigger("repair", { kinds: ["video.trim"], span: [span.start_s, span.end_s] });
}

function followClip() {
  const duration_s = props.value?.timeline?.duration_s || clip.duration;
  find(".reel-now")?.style.setProperty("left", `${Math.min(100, (100 * clip.currentTime) / duration_s)}%`);
  if (chosenSpan && clip.currentTime >= chosenSpan.end_s - 0.02) {
    clip.pause();
    clip.currentTime = Math.max(chosenSpan.start_s, chosenSpan.end_s - 0.02);
    chosenSpan = null;
  }
  if (!clip.paused && element.isConnected) requestAnimationFrame(followClip);
}

function moveAlong(event) {
  const parts = [...find(".reel-row").querySelectorAll(".part")];
  const here = parts.indexOf(document.activeElement);
  const next = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: parts.length - 1 }[event.key];
  if (here < 0 || next === undefined || !parts[next]) return;
  event.preventDefault();
  parts[here].tabIndex = -1;
  parts[next].tabIndex = 0;
  parts[next].focus();
}

function wireTimeline() {
  find(".reel-row").addEventListener("keydown", moveAlong);
  clip.addEventListener("play", () => requestAnimationFrame(followClip));
  clip.addEventListener("seeked", followClip);
  find(".slot").addEventListener("kl-play", (event) => {
    element.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    playSpan(event.detail);
  });
}
