// How well the result follows: the timeline below the transport, the figures, limb by limb. Runs before player.js,
// in its scope: `seek` and `lengthS` are the player's.
const LOW = 50; // below it a piece is drawn as weak
const SVG = "http://www.w3.org/2000/svg";
let scored = null; // what is drawn
let scrubbing = false;

const timeline = element.querySelector(".timeline");
const spanS = () => Math.max(scored.to_s - scored.from_s, 1e-6);

function bar(from_s, width_s, height, kind) {
  const rect = document.createElementNS(SVG, "rect");
  const shares = { x: (from_s - scored.from_s) / spanS(), width: width_s / spanS() };
  for (const [name, share] of Object.entries(shares)) rect.setAttribute(name, `${Math.max(0, 100 * share)}%`);
  rect.setAttribute("y", `${100 - height}%`);
  rect.setAttribute("height", `${height}%`);
  rect.setAttribute("class", kind);
  return rect;
}

function weakest() {
  const known = scored.pieces.filter(({ score }) => score !== null);
  return known.length ? known.reduce((low, piece) => (piece.score < low.score ? piece : low)) : null;
}

function drawTimeline() {
  const { pieces = [], missing = [], step_s } = scored;
  timeline.hidden = !pieces.length;
  if (timeline.hidden) return;
  const bars = pieces.filter(({ score }) => score !== null)
    .map(({ at_s, score }) => bar(at_s, step_s, Math.max(score, 3), score < LOW ? "is-low" : "is-fair"));
  const gaps = missing.map((gap) => {
    const rect = bar(gap.from_s, gap.to_s - gap.from_s, 100, "is-missing");
    rect.append(Object.assign(document.createElementNS(SVG, "title"), { textContent: `The result ${gap.reason}` }));
    return rect;
  });
  timeline.querySelector("g").replaceChildren(...gaps, ...bars);
  const low = weakest();
  const button = timeline.querySelector("[data-do=weakest]");
  button.hidden = !low;
  button.textContent = low ? `Weakest moment: ${low.at_s.toFixed(1)} s` : "";
  const words = low ? `Motion match over time; lowest is ${Math.round(low.score)} of 100 at ${low.at_s.toFixed(1)} s` : "Motion match over time";
  timeline.querySelector("svg").setAttribute("aria-label", words);
}

function paintScore(now) {
  if (!scored || timeline.hidden) return;
  timeline.querySelector(".timeline-head").style.left = `${Math.min(100, Math.max(0, (100 * (now - scored.from_s)) / spanS()))}%`;
}

function cell(tag, text, scope) {
  const node = Object.assign(document.createElement(tag), { textContent: text });
  if (scope) node.scope = scope;
  return node;
}

function limbRow(limb) {
  const row = document.createElement("tr");
  row.append(cell("th", limb.name, "row"), ...[limb.error, limb.within, limb.compared, limb.note].map((text) => cell("td", text)));
  return row;
}

function figureRow([name, text]) {
  const pair = document.createElement("div");
  pair.append(cell("dt", name), cell("dd", text));
  return pair;
}

function renderScore(value) {
  scored = value || {};
  const part = (selector, text) => {
    const node = element.querySelector(selector);
    node.textContent = text || "";
    node.hidden = !text;
  };
  element.querySelector(".score").hidden = !value;
  part(".score-words", scored.words);
  part(".score-meaning", scored.meaning);
  element.querySelector(".score-more").hidden = !(scored.limbs || []).length;
  element.querySelector(".score-figures").replaceChildren(...(scored.figures || []).map(figureRow));
  element.querySelector(".score tbody").replaceChildren(...(scored.limbs || []).map(limbRow));
  drawTimeline();
}

function scrub(event) {
  const { left, width } = timeline.querySelector("svg").getBoundingClientRect();
  const time = scored.from_s + ((event.clientX - left) / width) * spanS();
  seek(Math.max(0, Math.min(time, lengthS())));
}

timeline.querySelector("svg").addEventListener("pointerdown", (event) => {
  scrubbing = true;
  event.target.setPointerCapture?.(event.pointerId);
  scrub(event);
});
timeline.querySelector("svg").addEventListener("pointermove", (event) => { if (scrubbing) scrub(event); });
for (const end of ["pointerup", "pointercancel"]) timeline.querySelector("svg").addEventListener(end, () => { scrubbing = false; });
