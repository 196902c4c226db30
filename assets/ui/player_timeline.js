// The time of the player: the motion match as bars, of several results as lines, the reference's cuts, the part that is
// looped, and where one is. A click goes there, a drag loops a part. Runs before player.js, in its scope.
const LOW = 50; // below it a piece is drawn as weak
const DRAG_PX = 5; // a shorter way is a click
const GRIP_PX = 12, GRIP_TOUCH_PX = 22; // around an end of the looped part, in which it is taken hold of
const SNAP_PX = 6; // around a cut, in which a click means it
const timeline = element.querySelector(".timeline");
const timelineBox = timeline.querySelector(".timeline-box");
let scored = {}; // what is drawn
let shots = { url: "", cuts_s: [] }; // of the reference
let drag = null; // {from, fixed_s, span}

const share = (time) => 100 * Math.max(0, Math.min(1, time / (lengthS() || 1)));

function bar(from_s, width_s, height, kind) {
  return draw("rect", { x: `${share(from_s)}%`, width: `${share(width_s)}%`, y: `${100 - height}%`, height: `${height}%`, class: kind });
}

const isKnown = ({ score }) => score !== null;

// Of several results, those whose motion match over time is known: {name, pieces, kind}, the kind as the legend shows it.
function curves() {
  const { results = [] } = shown();
  if (results.length < 2) return [];
  return results.slice(0, RESULTS_MAX)
    .map((result, place, all) => ({ name: nameAmong(result, place, all), pieces: result.pieces || [], kind: `curve-of-one is-curve-${place + 1}` }))
    .filter(({ pieces }) => pieces.some(isKnown));
}

function weakest() {
  const lines = curves();
  const known = (lines.length ? lines : [{ pieces: scored.pieces || [] }])
    .flatMap(({ name, pieces }) => pieces.filter(isKnown).map((piece) => ({ ...piece, name })));
  return known.length ? known.reduce((low, piece) => (piece.score < low.score ? piece : low)) : null;
}

// One line a result, in percent of the box; it is broken where nothing is known.
function drawCurve({ pieces, kind }) {
  const half_s = pieces.length > 1 ? (pieces[1].at_s - pieces[0].at_s) / 2 : 0.1; // from a piece's begin to its middle
  const parts = [[]];
  for (const piece of pieces) {
    if (isKnown(piece)) parts.at(-1).push(piece);
    else parts.push([]);
  }
  const box = draw("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", width: "100%", height: "100%", class: kind });
  box.append(...parts.filter((part) => part.length).map((part) => {
    const [{ at_s: from_s, score: only }] = part; // a piece alone is a dash as long as it is
    const ends = part.length > 1 ? part.map(({ at_s, score }) => [at_s + half_s, score]) : [[from_s, only], [from_s + 2 * half_s, only]];
    const points = ends.map(([at_s, score]) => `${share(at_s).toFixed(2)},${(97 - 0.94 * score).toFixed(1)}`);
    return draw("polyline", { points: points.join(" "), "vector-effect": "non-scaling-stroke" });
  }));
  return box;
}

function drawLegend(lines) {
  const legend = timeline.querySelector(".timeline-legend");
  legend.hidden = !lines.length;
  legend.replaceChildren(...lines.map(({ name, kind }) => {
    const item = make("li", "", name);
    const sample = draw("svg", { viewBox: "0 0 28 10", class: kind, "aria-hidden": "true" });
    sample.append(draw("polyline", { points: "0,5 28,5" }));
    item.prepend(sample);
    return item;
  }));
}

function drawTimeline() {
  const lines = curves();
  const { pieces = [], missing = [], step_s } = lines.length ? {} : scored;
  timeline.hidden = !clips.length;
  timeline.classList.toggle("has-lines", lines.length > 0);
  const bars = pieces.filter(isKnown)
    .map(({ at_s, score }) => bar(at_s, step_s, Math.max(score, 3), score < LOW ? "is-low" : "is-fair"));
  const gaps = missing.map((gap) => {
    const rect = bar(gap.from_s, gap.to_s - gap.from_s, 100, "is-missing");
    rect.append(draw("title", {}));
    rect.firstChild.textContent = t("The result {reason}", { reason: gap.reason });
    return rect;
  });
  timeline.querySelector("g").replaceChildren(...gaps, ...bars, ...lines.map(drawCurve));
  drawLegend(lines);
  const low = weakest();
  const button = timeline.querySelector("[data-do=weakest]");
  button.hidden = !low;
  button.textContent = low ? t("Weakest moment: {time}", { time: `${low.at_s.toFixed(1)} s` }) : "";
  timeline.querySelector("svg").setAttribute("aria-label", timelineWords(low, lines.length));
  timeline.querySelector(".timeline-name").textContent = bars.length || lines.length ? t("Motion match over time") : "";
  drawShots();
  drawSpan();
}

function timelineWords(low, lines) {
  if (!low) return t("Time");
  const told = { score: Math.round(low.score), time: `${low.at_s.toFixed(1)} s`, name: low.name };
  if (lines) return t("Motion match over time of several results; lowest is {score} of 100 at {time}, in {name}", told);
  return t("Motion match over time; lowest is {score} of 100 at {time}", told);
}

async function fetchShots(url) {
  if (shots.url === url) return;
  shots = { url, cuts_s: [] };
  drawShots();
  if (!url) return;
  try {
    const response = await fetch(new URL(url.replace(/^files\//, "shots/"), document.baseURI));
    if (response.ok && shots.url === url) shots.cuts_s = (await response.json()).cuts_s || [];
  } catch { /* the app is away for a moment, and nothing depends on it */ }
  drawShots();
}

function drawShots() {
  timeline.querySelector(".timeline-shots").replaceChildren(...shots.cuts_s.filter((at_s) => at_s < lengthS()).map((at_s) => {
    const button = make("button", "timeline-shot");
    button.type = "button";
    button.style.left = `${share(at_s)}%`;
    button.title = t("Cut at {time}", { time: `${at_s.toFixed(2)} s` });
    button.setAttribute("aria-label", button.title);
    button.addEventListener("click", () => seek(at_s));
    return button;
  }));
}

function setSpan(from_s, to_s) {
  const [low, high] = [Math.min(from_s, to_s), Math.max(from_s, to_s)].map((time) => Math.max(0, Math.min(time, lengthS())));
  span = high - low >= 2 / gridAt(low).fps ? { from_s: within(low), to_s: high } : null;
  if (span) looping = true;
  paintButtons();
  drawSpan();
}

function clearSpan() {
  span = null;
  drawSpan();
}

function drawSpan() {
  const mark = timeline.querySelector(".timeline-span");
  const words = timeline.querySelector(".timeline-loop");
  mark.hidden = !span;
  words.hidden = !span;
  if (!span) return;
  mark.style.left = `${share(span.from_s)}%`;
  mark.style.width = `${share(span.to_s) - share(span.from_s)}%`;
  words.firstElementChild.textContent = t("Loops {span}", { span: `${span.from_s.toFixed(2)}–${span.to_s.toFixed(2)} s` });
}

// `[` and `]`: the looped part begins or ends here.
function setSpanEnd(which) {
  if (which === "from_s") setSpan(position, span && span.to_s > position ? span.to_s : lengthS());
  else setSpan(span && span.from_s < position ? span.from_s : 0, position + 1 / gridAt(position).fps);
}

function paintTimeline() {
  timeline.querySelector(".timeline-head").style.left = `${share(position)}%`;
}

function timeOf(event) {
  const { left, width } = timelineBox.getBoundingClientRect();
  const time = (Math.max(0, Math.min(1, (event.clientX - left) / width))) * lengthS();
  const reach_s = (SNAP_PX / width) * lengthS();
  return shots.cuts_s.find((cut) => Math.abs(cut - time) < reach_s) ?? time;
}

function gripAt(event) {
  if (!span) return null;
  const { left, width } = timelineBox.getBoundingClientRect();
  const away = (time) => Math.abs(event.clientX - left - (share(time) * width) / 100);
  if (Math.min(away(span.from_s), away(span.to_s)) > (event.pointerType === "touch" ? GRIP_TOUCH_PX : GRIP_PX)) return null;
  return away(span.from_s) < away(span.to_s) ? span.to_s : span.from_s; // the other end stays
}

timelineBox.addEventListener("pointerdown", (event) => {
  if (event.button || event.target.closest(".timeline-shot") || !clips.length) return;
  drag = { fromX: event.clientX, fixed_s: gripAt(event) ?? timeOf(event), isFar: false };
  timelineBox.setPointerCapture(event.pointerId);
});
timelineBox.addEventListener("pointermove", (event) => {
  if (!drag) return;
  drag.isFar ||= Math.abs(event.clientX - drag.fromX) > DRAG_PX;
  if (drag.isFar) setSpan(drag.fixed_s, timeOf(event));
});
timelineBox.addEventListener("pointerup", (event) => {
  if (!drag) return;
  const wasFar = drag.isFar;
  drag = null;
  if (!wasFar) seek(timeOf(event));
  else if (span && (position < span.from_s || position >= span.to_s)) seek(span.from_s);
});
timelineBox.addEventListener("pointercancel", () => { drag = null; });
