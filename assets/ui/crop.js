// A box on what is shown: what lies inside of it can be all that is kept, in any shape, in its own, or in the other
// input's. The box is kept as fractions of the picture: left, top, right and bottom.
const CROP_START = [0.1, 0.1, 0.9, 0.9];
let cropBox = null; // while one is being chosen
let cropDrag = null;

const leastPx = () => (isVideo ? 340 : 300); // a side; smaller ones are not taken
const sizePx = () => props.value?.size_px || [1, 1];

function otherSizePx() {
  const shape = document.querySelector(isVideo ? "#image-slot .slot" : "#video-slot .slot")?.dataset.sizePx;
  return shape ? shape.split(" ").map(Number) : null;
}

// Width divided by height that the box has to keep, as a share of the picture's own; 0 for any.
function cropShape() {
  const wanted = find(".crop-shape").value;
  const other = otherSizePx();
  if (wanted === "own") return 1;
  if (wanted !== "other" || !other) return 0;
  return (other[0] / other[1]) * (sizePx()[1] / sizePx()[0]);
}

// Where the picture itself lies in its place: it is shown whole, with room beside it.
function shownPlace() {
  const node = isVideo ? clip : picture;
  const [width, height] = sizePx();
  const frame = node.getBoundingClientRect();
  const outer = box.getBoundingClientRect();
  const scale = Math.min(frame.width / width, frame.height / height);
  return {
    left: frame.left - outer.left + (frame.width - width * scale) / 2,
    top: frame.top - outer.top + (frame.height - height * scale) / 2,
    width: width * scale,
    height: height * scale,
  };
}

function paintCrop() {
  show(find(".crop"), Boolean(cropBox));
  show(find(".crop-tools"), Boolean(cropBox));
  find(".adjust-row [data-adjust=crop]").setAttribute("aria-expanded", String(Boolean(cropBox)));
  box.classList.toggle("is-cropping", Boolean(cropBox));
  if (!cropBox) return;
  const place = shownPlace();
  Object.assign(find(".crop").style, { left: `${place.left}px`, top: `${place.top}px`, width: `${place.width}px`, height: `${place.height}px` });
  const [left, top, right, bottom] = cropBox;
  Object.assign(find(".crop-box").style, { left: `${100 * left}%`, top: `${100 * top}%`, width: `${100 * (right - left)}%`, height: `${100 * (bottom - top)}%` });
  const [width, height] = keptPx();
  const tooSmall = Math.min(width, height) < leastPx();
  const size = `${width} × ${height} px`;
  find(".crop-size").textContent = tooSmall ? t("{size}, too small: each side needs {least}", { size, least: `${leastPx()} px` }) : size;
  find("[data-adjust=keep-crop]").disabled = tooSmall;
}

const keptPx = () => [Math.round(cropBox[2] * sizePx()[0]) - Math.round(cropBox[0] * sizePx()[0]), Math.round(cropBox[3] * sizePx()[1]) - Math.round(cropBox[1] * sizePx()[1])];

function toggleCrop(open = !cropBox) {
  cropBox = open ? [...CROP_START] : null;
  if (open) {
    const shapes = find(".crop-shape");
    const offered = [["", t("Free")], ["own", t("Its own")], ...(otherSizePx() ? [["other", isVideo ? t("The picture's") : t("The clip's")]] : [])];
    shapes.replaceChildren(...offered.map(([name, words]) => new Option(words, name)));
    if (isVideo) clip.pause();
  }
  paintCrop();
  if (open) find(".crop-box").focus({ preventScroll: true });
}

// The largest box of the wanted shape around the middle of the present one.
function reshapeCrop() {
  const shape = cropShape();
  if (!cropBox || !shape) return paintCrop();
  const [left, top, right, bottom] = cropBox;
  const width = Math.min(1, Math.max(right - left, (bottom - top) * shape), shape);
  const height = width / shape;
  const x = Math.min(1 - width, Math.max(0, (left + right - width) / 2));
  const y = Math.min(1 - height, Math.max(0, (top + bottom - height) / 2));
  cropBox = [x, y, x + width, y + height];
  paintCrop();
}

function moveCrop(by_x, by_y) {
  const [left, top, right, bottom] = cropBox;
  const x = Math.min(1 - right, Math.max(-left, by_x));
  const y = Math.min(1 - bottom, Math.max(-top, by_y));
  cropBox = [left + x, top + y, right + x, bottom + y];
  paintCrop();
}

// The opposite corner stays; with a shape to keep, the height follows the width as far as there is room.
function moveCorner(corner, x, y) {
  const [across, down] = corner.split(" ").map(Number);
  const still = [cropBox[2 - across], cropBox[4 - down]];
  const toRight = across === 2;
  const toBottom = down === 3;
  let width = Math.max(0.02, Math.min(toRight ? x - still[0] : still[0] - x, toRight ? 1 - still[0] : still[0]));
  let height = Math.max(0.02, Math.min(toBottom ? y - still[1] : still[1] - y, toBottom ? 1 - still[1] : still[1]));
  const shape = cropShape();
  if (shape) {
    const roomDown = toBottom ? 1 - still[1] : still[1];
    width = Math.min(width, roomDown * shape);
    height = width / shape;
  }
  cropBox = [toRight ? still[0] : still[0] - width, toBottom ? still[1] : still[1] - height, toRight ? still[0] + width : still[0], toBottom ? still[1] + height : still[1]];
  paintCrop();
}

function onCropKey(event) {
  const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] || [0, 0];
  if (event.key === "Escape") { event.preventDefault(); toggleCrop(false); return find(".adjust-row [data-adjust=crop]").focus(); }
  if (!x && !y) return;
  event.preventDefault();
  const step = event.shiftKey ? 0.05 : 0.01;
  const corner = event.target.dataset.corner;
  if (!corner) return moveCrop(x * step, y * step);
  const [across, down] = corner.split(" ").map(Number);
  moveCorner(corner, cropBox[across] + x * step, cropBox[down] + y * step);
}

function wireCrop() {
  const frame = find(".crop-box");
  const at = (event) => {
    const place = find(".crop").getBoundingClientRect();
    return [(event.clientX - place.left) / place.width, (event.clientY - place.top) / place.height];
  };
  frame.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    event.target.focus({ preventScroll: true });
    frame.setPointerCapture(event.pointerId);
    cropDrag = { corner: event.target.dataset.corner, at: at(event) };
  });
  frame.addEventListener("pointermove", (event) => {
    if (!cropDrag || !frame.hasPointerCapture(event.pointerId)) return;
    const [x, y] = at(event);
    if (cropDrag.corner) return moveCorner(cropDrag.corner, x, y);
    moveCrop(x - cropDrag.at[0], y - cropDrag.at[1]);
    cropDrag.at = [x, y];
  });
  for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, () => { cropDrag = null; });
  frame.addEventListener("keydown", onCropKey);
  find(".crop-shape").addEventListener("change", reshapeCrop);
  new ResizeObserver(() => { if (cropBox) paintCrop(); }).observe(box);
}
