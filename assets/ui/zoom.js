// One zoom for all panes: by the wheel with Ctrl (without it, once zoomed or enlarged), by two fingers, and moved by
// dragging; a double click resets it. Runs before player.js, in its scope.
const ZOOM_MAX = 8;
const ZOOM_STEP = 1.0015; // for each px of a wheel
let zoom = { by: 1, x: 0, y: 0 }; // x and y: by how much the left upper corner lies outside, in shares of the box
const fingers = new Map(); // pointers that are down, each with its last place
let isDragged = false; // the click at the end of a drag is none

function setZoom({ by, x, y }) {
  const held = Math.max(1, Math.min(ZOOM_MAX, by));
  const most = held - 1;
  zoom = { by: held, x: Math.max(0, Math.min(most, x)), y: Math.max(0, Math.min(most, y)) };
  panes.style.setProperty("--zoom", zoom.by.toFixed(4));
  panes.style.setProperty("--pan-x", `${(-100 * zoom.x).toFixed(3)}%`);
  panes.style.setProperty("--pan-y", `${(-100 * zoom.y).toFixed(3)}%`);
  panes.classList.toggle("is-zoomed", zoom.by > 1);
  const button = element.querySelector("[data-do=unzoom]");
  button.hidden = zoom.by <= 1;
  if (zoom.by > 1) button.textContent = t("Zoom {factor}×, reset", { factor: zoom.by.toFixed(1) });
}

// Around a place of the window that lies on a pane: it stays where it is.
function zoomAt(box, clientX, clientY, factor) {
  const { left, top, width, height } = box.getBoundingClientRect();
  const [u, v] = [(clientX - left) / width, (clientY - top) / height];
  const by = Math.max(1, Math.min(ZOOM_MAX, zoom.by * factor));
  const grown = by / zoom.by;
  setZoom({ by, x: (zoom.x + u) * grown - u, y: (zoom.y + v) * grown - v });
}

const boxOf = (event) => event.target.closest?.(".pane-box");

panes.addEventListener("wheel", (event) => {
  const box = boxOf(event);
  if (!box || !(event.ctrlKey || event.metaKey || isLarge() || zoom.by > 1)) return; // else the page scrolls
  if (zoom.by === 1 && event.deltaY > 0 && !event.ctrlKey) return;
  event.preventDefault();
  zoomAt(box, event.clientX, event.clientY, ZOOM_STEP ** -(event.deltaY * (event.ctrlKey ? 4 : 1)));
}, { passive: false });

panes.addEventListener("pointerdown", (event) => {
  if (!boxOf(event) || event.button) return;
  isDragged = fingers.size > 0;
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY, box: boxOf(event) });
});

panes.addEventListener("pointermove", (event) => {
  const finger = fingers.get(event.pointerId);
  if (!finger) return;
  const [from, to] = [{ ...finger }, { x: event.clientX, y: event.clientY }];
  const { width, height } = finger.box.getBoundingClientRect();
  if (fingers.size === 2) {
    const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
    const reach = (at) => Math.hypot(at.x - other.x, at.y - other.y);
    zoomAt(finger.box, (to.x + other.x) / 2, (to.y + other.y) / 2, reach(to) / Math.max(1, reach(from)));
  } else if (zoom.by > 1) {
    if (!isDragged && Math.hypot(to.x - from.x, to.y - from.y) < 4) return;
    isDragged = true;
    setZoom({ by: zoom.by, x: zoom.x - (to.x - from.x) / width, y: zoom.y - (to.y - from.y) / height });
  }
  Object.assign(finger, to);
});
for (const end of ["pointerup", "pointercancel", "pointerleave"]) panes.addEventListener(end, ({ pointerId }) => fingers.delete(pointerId));
panes.addEventListener("dblclick", (event) => { if (boxOf(event)) setZoom({ by: 1, x: 0, y: 0 }); });
