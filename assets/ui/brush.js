// The outline of a character as a person paints it: strokes that add to it or erase, over what was found.
const TINT = "#17b3a0";
const SENT_MAX_CHARS = 160000; // the app takes events up to a size; very fine scribbles are sent at half the size
let brushFigure = null; // canvas: white where the figure was found
let brushBefore = null; // canvas: what was painted in an earlier session, white or black
let brushMask = null; // canvas: the figure with all that is painted now
let brushPaint = null; // canvas: what is painted alone
let brushStrokes = []; // {adds, radius, points}; radius and points in the canvas's pixels
let brushAdds = true;
let brushAt = [0.5, 0.5]; // where the keyboard's brush is, in shares

const blankCanvas = (width, height) => Object.assign(document.createElement("canvas"), { width, height });

async function loadedImage(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

async function loadBrush({ figure, paint }) {
  const image = await loadedImage(figure);
  brushFigure = blankCanvas(image.naturalWidth, image.naturalHeight);
  brushFigure.getContext("2d").drawImage(image, 0, 0);
  brushBefore = blankCanvas(brushFigure.width, brushFigure.height);
  if (paint) brushBefore.getContext("2d").drawImage(await loadedImage(paint), 0, 0, brushBefore.width, brushBefore.height);
  brushStrokes = [];
  brushAt = [0.5, 0.5];
  repaint();
}

// All anew, as after an undo.
function repaint() {
  brushMask = blankCanvas(brushFigure.width, brushFigure.height);
  brushPaint = blankCanvas(brushFigure.width, brushFigure.height);
  const paint = brushPaint.getContext("2d"), mask = brushMask.getContext("2d");
  if (brushBefore) paint.drawImage(brushBefore, 0, 0);
  mask.drawImage(brushFigure, 0, 0);
  const before = paint.getImageData(0, 0, brushPaint.width, brushPaint.height).data;
  const pixels = mask.getImageData(0, 0, brushMask.width, brushMask.height);
  for (let place = 3; place < before.length; place += 4) {
    if (before[place] < 128) continue;
    pixels.data[place] = before[place - 1] >= 128 ? 255 : 0;
    pixels.data[place - 1] = pixels.data[place - 2] = pixels.data[place - 3] = 255;
  }
  mask.putImageData(pixels, 0, 0);
  for (const stroke of brushStrokes) paintStroke(stroke);
}

function paintStroke({ adds, radius, points }, from = 0) {
  for (const [canvas, operation, colour] of [
    [brushMask, adds ? "source-over" : "destination-out", "#fff"],
    [brushPaint, "source-over", adds ? "#fff" : "#000"],
  ]) {
    const pen = canvas.getContext("2d");
    pen.globalCompositeOperation = operation;
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = 2 * radius;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    const [first, ...rest] = points.slice(Math.max(0, from - 1));
    pen.moveTo(...first);
    for (const point of rest) pen.lineTo(...point);
    if (rest.length) pen.stroke();
    pen.beginPath();
    pen.arc(...points[points.length - 1], radius, 0, 7);
    pen.fill();
  }
}

const brushRadius = () => (Number(find(".editor-size").value) / 200) * Math.max(brushFigure.width, brushFigure.height);
const brushPoint = ([x, y]) => [x * brushFigure.width, y * brushFigure.height];

function beginStroke(place) {
  const stroke = { adds: brushAdds, radius: brushRadius(), points: [brushPoint(place)] };
  brushStrokes = [...brushStrokes, stroke];
  paintStroke(stroke);
  return stroke;
}

function goOnStroke(stroke, place) {
  stroke.points.push(brushPoint(place));
  paintStroke(stroke, stroke.points.length - 1);
}

function forgetPaint() {
  brushBefore = null;
  brushStrokes = [];
  repaint();
}

// A PNG for Python, or nothing where nothing is painted.
function paintToSend() {
  const data = brushPaint.getContext("2d").getImageData(0, 0, brushPaint.width, brushPaint.height).data;
  let place = 3;
  while (place < data.length && !data[place]) place += 4;
  if (place >= data.length) return "";
  for (let canvas = brushPaint; ; canvas = halfCanvas(canvas)) {
    const coded = canvas.toDataURL("image/png");
    if (coded.length < SENT_MAX_CHARS || canvas.width < 80) return coded;
  }
}

function halfCanvas(canvas) {
  const half = blankCanvas(Math.ceil(canvas.width / 2), Math.ceil(canvas.height / 2));
  half.getContext("2d").drawImage(canvas, 0, 0, half.width, half.height);
  return half;
}

// The picture with the figure tinted; `strength` 0-1.
function drawSheet(sheet, picture, strength) {
  const pen = sheet.getContext("2d");
  pen.clearRect(0, 0, sheet.width, sheet.height);
  if (picture) pen.drawImage(picture, 0, 0, sheet.width, sheet.height);
  if (!brushMask) return;
  const tinted = blankCanvas(brushMask.width, brushMask.height), tint = tinted.getContext("2d");
  tint.drawImage(brushMask, 0, 0);
  tint.globalCompositeOperation = "source-in";
  tint.fillStyle = TINT;
  tint.fillRect(0, 0, tinted.width, tinted.height);
  pen.globalAlpha = strength;
  pen.drawImage(tinted, 0, 0, sheet.width, sheet.height);
  pen.globalAlpha = 1;
}
