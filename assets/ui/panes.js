// How large the picture, the reference and the result are: laid out by the shapes at hand, enlarged by a click.
// A pane is never smaller than LEAST unless the window is: what does not fit side by side is stacked, the picture folded.
const GAP = 10;
const LEAST = { upright: 320, wide: 420 }; // px across, on a desktop
const LEAST_OF_MANY = 180; // px across of each of several results
const LEAST_NARROW = { upright: 140, wide: 240 }; // px across, on a phone
const NARROW = 640; // px across of the player, below which it is a phone
const AROUND = 380; // px of the page's head, the transport and the words, beside which panes one above the other fit
const CAPTION = 28; // px below each pane
const WORTH = 1.15; // as many times as wide, at least, for panes that leave their row
const BELOW = 300; // px of the transport and the words, which stay in view while enlarged
const BELOW_PRESENTED = 118; // px of the captions and the label, and around them
const TALL = 0.62; // of the window that a pane may take up

const frames = () => [...panes.querySelectorAll(".pane")].filter((pane) => !pane.hidden);
const ratioOf = (pane) => Number(pane.style.getPropertyValue("--ratio")) || 0.75;
const isPicture = (pane) => pane.dataset.pane === "image";
let alone = ""; // the pane that is shown by itself, while it is enlarged

// Widths in px of panes side by side at one height, or null when one would be too small.
function sideBySide(panes, width, tall, least) {
  const room = width - GAP * (panes.length - 1);
  const all = panes.reduce((sum, pane) => sum + ratioOf(pane), 0);
  const height = Math.min(room / all, Math.max(tall, ...panes.map((pane) => least(pane) / ratioOf(pane))));
  const widths = panes.map((pane) => ratioOf(pane) * height);
  return widths.every((across, index) => across >= least(panes[index]) - 0.5) ? widths : null;
}

// Upright ones as narrow as they may be, wide ones in what is left of the row.
function mixed(panes, width, least) {
  const wide = panes.filter((pane) => ratioOf(pane) > 1);
  if (!wide.length || wide.length === panes.length) return null;
  const upright = panes.length - wide.length;
  const left = (width - GAP * (panes.length - 1) - upright * LEAST.upright) / wide.length;
  if (wide.some((pane) => left < least(pane))) return null;
  return panes.map((pane) => (ratioOf(pane) > 1 ? left : LEAST.upright));
}

// Picture above reference on the left, the result as high as both on the right.
function mosaic(panes, width, least) {
  if (panes.length !== 3 || !isPicture(panes[0]) || panes.some((pane) => ratioOf(pane) <= 1)) return null;
  const [picture, reference, made] = panes.map(ratioOf);
  const left = (width - GAP - GAP * made) / (1 + made / picture + made / reference);
  return left < least(panes[0]) ? null : [left, left, width - GAP - left];
}

function stacked(panes, width, tall, least) {
  return panes.map((pane) => Math.min(width, Math.max(tall * ratioOf(pane), least(pane))));
}

// Wide clips one above the other, both in view, where that makes them clearly larger than side by side; else null.
function tower(clips, width, row) {
  if (clips.length !== 2 || clips.some((pane) => ratioOf(pane) <= 1)) return null;
  const height = (window.innerHeight - AROUND - CAPTION * clips.length - GAP) / clips.length;
  const widths = clips.map((pane) => Math.min(width, ratioOf(pane) * height));
  return Math.min(...widths) >= WORTH * Math.min(...row) ? widths : null;
}

// Several results in as many rows as let them be largest and all be in view; where they would be too small, in rows of
// as many as are still large enough. The rows are evenly filled.
function rows(panes, width) {
  const seen = width < NARROW ? null : inView(panes, width);
  if (seen) return { shown: panes, widths: panes.map(() => seen.across), form: "rows", room: seen.room };
  const least = width < NARROW ? LEAST_NARROW.upright : LEAST_OF_MANY;
  const most = Math.max(1, Math.floor((width + GAP) / (least + GAP)));
  const across = Math.ceil(panes.length / Math.ceil(panes.length / most));
  return { shown: panes, widths: panes.map(() => (width - GAP * (across - 1)) / across), form: "rows" };
}

// Width in px of each of several panes that are all in view, and of a row, or null when they would be too small.
function inView(panes, width) {
  const slimmest = Math.min(...panes.map(ratioOf));
  const [best] = panes.map((_, place) => {
    const count = Math.ceil(panes.length / (place + 1)); // in each of place + 1 rows
    const height = (window.innerHeight - AROUND - GAP * place) / (place + 1) - CAPTION;
    const across = Math.min((width - GAP * (count - 1)) / count, slimmest * height);
    return { across, room: across * count + GAP * (count - 1) };
  }).sort((one, other) => other.across - one.across);
  return best.across < LEAST_OF_MANY ? null : best;
}

function layOut(panes, width, tall) {
  const lower = width < NARROW ? LEAST_NARROW : LEAST;
  const least = (pane) => (ratioOf(pane) > 1 ? lower.wide : lower.upright);
  const clips = panes.filter((pane) => !isPicture(pane));
  if (clips.length > 2) return rows(clips, width);
  const sets = width < NARROW ? [clips] : [panes, clips]; // a phone shows no picture beside its clips
  const tiles = mosaic(panes, width, least);
  if (tiles) return { shown: panes, widths: tiles, form: "mosaic" };
  for (const shown of sets.filter((set) => set.length)) {
    const widths = sideBySide(shown, width, tall, least) || (width < NARROW ? null : mixed(shown, width, least));
    const above = widths && width >= NARROW && tower(clips, width, widths.slice(-clips.length));
    if (above) return { shown: clips, widths: above, form: "stack" };
    if (widths) return { shown, widths, form: "row" };
  }
  const shown = clips.length ? clips : panes;
  return { shown, widths: stacked(shown, width, tall, least), form: "stack" };
}

function arrange() {
  const large = element.querySelector(".player").classList.contains("is-large");
  const all = frames();
  const box = element.querySelector(".player-stage");
  const width = box.clientWidth;
  if (!width || !all.length) return;
  const one = large && all.find((pane) => pane.dataset.pane === alone);
  const below = !large ? 0 : isPresenting() ? BELOW_PRESENTED : BELOW;
  const tall = large ? window.innerHeight - below : TALL * window.innerHeight;
  drawLayers();
  const plan = isLayered() ? layered(width, tall) : large ? rowOf(one ? [one] : largest(all, width, tall), width, tall) : layOut(all, width, tall);
  panes.dataset.form = plan.form;
  panes.style.setProperty("--row-room", plan.room ? `${Math.ceil(plan.room)}px` : "none");
  for (const pane of all) {
    const place = plan.shown.indexOf(pane);
    pane.classList.toggle("is-folded", place < 0);
    if (place >= 0) pane.style.setProperty("--across", `${Math.floor(plan.widths[place])}px`);
  }
  const folded = all.find((pane) => isPicture(pane) && pane.classList.contains("is-folded"));
  const chip = element.querySelector(".player-picture");
  chip.hidden = !folded;
  if (folded) chip.querySelector("img").src = folded.querySelector("img").src;
}

// Two panes in one place, in the shape of the one above.
function layered(width, tall) {
  const above = panes.querySelector(".is-above");
  const across = Math.min(width, ratioOf(above) * tall);
  line.style.height = `${across / ratioOf(above)}px`;
  return { shown: [panes.querySelector(".is-below"), above], widths: [across, across], form: "layers" };
}

const heightOf = (panes, width, tall) =>
  Math.min(tall, (width - GAP * (panes.length - 1)) / panes.reduce((total, pane) => total + ratioOf(pane), 0));

// Enlarged: at one height, as large as the window lets them be.
function rowOf(shown, width, tall) {
  const height = heightOf(shown, width, tall);
  return { shown, widths: shown.map((pane) => ratioOf(pane) * height), form: "row" };
}

// All of them, or the clips alone where the picture would cost them much of their size.
function largest(all, width, tall) {
  const clips = all.filter((pane) => !isPicture(pane));
  return clips.length && heightOf(clips, width, tall) > 1.25 * heightOf(all, width, tall) ? clips : all;
}

function enlarge(on, pane = "") {
  const player = element.querySelector(".player");
  alone = on ? pane : "";
  player.classList.toggle("is-large", on);
  if (!on) player.classList.remove("is-presenting");
  document.documentElement.style.overflow = on ? "hidden" : ""; // the page behind does not scroll
  const button = element.querySelector("[data-do=large]");
  button.textContent = on ? t("Close") : t("Enlarge");
  button.setAttribute("aria-pressed", String(on));
  arrange();
}

const isLarge = () => element.querySelector(".player").classList.contains("is-large");

function fullScreen() {
  const player = element.querySelector(".player");
  if (document.fullscreenElement) return document.exitFullscreen();
  if (player.requestFullscreen) return player.requestFullscreen().then(() => enlarge(true, alone)).catch(() => enlarge(true, alone));
  enlarge(true, alone);
}

panes.addEventListener("click", (event) => {
  const pane = event.target.closest(".pane-box")?.closest(".pane");
  if (!pane || pane.classList.contains("is-waiting") || isDragged || zoom.by > 1) return;
  if (isLayered()) { if (view === "wipe") dragLine(event); return; }
  if (isLarge() && alone === pane.dataset.pane) enlarge(true); // back to all of them
  else enlarge(true, pane.dataset.pane);
});
function leave(event) {
  if (!element.isConnected) return document.removeEventListener("keydown", leave);
  if (event.key === "Escape" && isLarge() && !document.fullscreenElement) { event.preventDefault(); enlarge(false); }
}
document.addEventListener("keydown", leave); // wherever the focus is: a clip takes none
element.querySelector(".player").addEventListener("fullscreenchange", () => { if (!document.fullscreenElement) enlarge(false); });
new ResizeObserver(arrange).observe(element.querySelector(".player-stage"));
const onResize = () => (element.isConnected ? arrange() : window.removeEventListener("resize", onResize));
window.addEventListener("resize", onResize);
