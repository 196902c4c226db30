// Two clips in one place: a wipe with a line to drag, one over the other with an opacity, or how they differ.
// Runs before player.js, in its scope.
const VIEWS = ["side", "wipe", "overlay", "difference"];
const line = element.querySelector(".wipe-line");
const blend = element.querySelector(".player-blend");
const blendRange = blend.querySelector("input");
const shares = { wipe: 50, overlay: 50 }; // per cent that the range stands at
const VIEW_KEY = "kling_ui.view"; // how the player showed clips last, for after a reload
let view = VIEWS.find((name) => name === localStorage.getItem(VIEW_KEY)) || "side";
let pair = ["", ""]; // names of the clips below and above; empty for the usual ones

const clipOf = (name) => clips.find((clip) => clip.name === name);
function pairOf() {
  const [first, second] = clips.length > 2 ? clips.slice(-clips.length + 1) : clips;
  const usual = [first?.name, second?.name]; // of several results the first two, else reference and result
  const chosen = pair.map((name, place) => (clipOf(name) ? name : usual[place]));
  return chosen[0] === chosen[1] ? usual : chosen;
}
const isLayered = () => view !== "side" && pairOf().every(Boolean);

function setView(name) {
  if (name !== "side" && clips.length < 2) return;
  view = name;
  localStorage.setItem(VIEW_KEY, view);
  if (blendRange.value !== String(shares[view])) blendRange.value = String(shares[view] ?? 50);
  arrange();
}

// Called by arrange(): says which panes lie on each other, and where the line is.
function drawLayers() {
  const layered = isLayered();
  const [below, above] = layered ? pairOf() : ["", ""];
  panes.dataset.view = layered ? view : "side";
  for (const pane of panes.querySelectorAll(".pane")) {
    pane.classList.toggle("is-below", pane.dataset.pane === below);
    pane.classList.toggle("is-above", pane.dataset.pane === above);
  }
  if (layered) panes.style.setProperty("--layer-ratio", paneOf(above).style.getPropertyValue("--ratio") || "0.75");
  panes.style.setProperty("--share", String(shares[view] ?? 50));
  line.hidden = panes.dataset.view !== "wipe";
  blend.hidden = !layered || !(view in shares);
  blendRange.setAttribute("aria-label", view === "wipe" ? t("Place of the line") : t("Opacity of what lies above"));
  blend.firstElementChild.textContent = view === "wipe" ? t("Line") : t("Opacity");
  element.querySelector(".player-pair").hidden = !layered || clips.length < 3;
  for (const button of element.querySelectorAll("[data-view][aria-pressed]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === panes.dataset.view));
    button.disabled = clips.length < 2 && button.dataset.view !== "side";
  }
  drawPairs();
  paintMarks();
}

function drawPairs() {
  const chosen = pairOf();
  element.querySelectorAll(".player-pair select").forEach((select, place) => {
    select.replaceChildren(...clips.map(({ name, label }) => new Option(label, name, false, name === chosen[place])));
  });
}

function captionOf({ name, label }, below, above) {
  if (view !== "wipe") return label;
  return name === below ? t("Left: {name}", { name: label }) : name === above ? t("Right: {name}", { name: label }) : label;
}

// The words below each clip: its name, and whether it has not begun or is over.
function paintMarks() {
  const layered = panes.dataset.view !== "side";
  const [below, above] = layered ? pairOf() : [];
  for (const clip of clips) {
    const caption = clip.pane.querySelector("figcaption");
    const words = standing(clip);
    caption.querySelector(".pane-name").textContent = captionOf(clip, below, above);
    const mark = caption.querySelector(".pane-mark");
    if (mark.textContent !== words) mark.textContent = words;
  }
}

function setShare(share) {
  if (!(view in shares)) return;
  shares[view] = Math.max(0, Math.min(100, share));
  blendRange.value = String(shares[view]);
  panes.style.setProperty("--share", String(shares[view]));
}

function dragLine(event) {
  const { left, width } = panes.getBoundingClientRect();
  setShare((100 * (event.clientX - left)) / width);
}

let isDraggingLine = false;
line.addEventListener("pointerdown", (event) => {
  isDraggingLine = true;
  line.setPointerCapture(event.pointerId);
  event.stopPropagation();
});
line.addEventListener("pointermove", (event) => { if (isDraggingLine) dragLine(event); });
for (const end of ["pointerup", "pointercancel"]) line.addEventListener(end, () => { isDraggingLine = false; });
line.addEventListener("click", (event) => event.stopPropagation()); // not a click on the pane
blendRange.addEventListener("input", () => setShare(Number(blendRange.value)));
element.querySelectorAll(".player-pair select").forEach((select, place) => {
  select.addEventListener("change", () => {
    const now = pairOf();
    const other = now[1 - place];
    pair = now.map((name, at) => (at === place ? select.value : name));
    if (select.value === other) pair[1 - place] = now[place];
    arrange();
  });
});
