// What shows a finding: a picture with boxes, parts of the clip that play when they are pressed, a curve with its limit.
const CURVE = { width: 320, height: 84, left: 2, right: 318, top: 8, bottom: 78 };

function evidenceOf(evidence, repairs = []) {
  const shown = make("div", "evidence");
  if (evidence.picture) shown.append(evidence.boxes.length ? boxedPicture(evidence, repairs.filter(({ box }) => box)) : plainPicture(evidence));
  if (evidence.curve) shown.append(curve(evidence.curve));
  if (evidence.spans.length) shown.append(spanButtons(evidence.spans));
  return shown;
}

function plainPicture({ picture, alt }) {
  const image = make("img", "evidence-picture");
  image.loading = "lazy";
  image.decoding = "async";
  image.src = picture;
  image.alt = alt;
  return image;
}

// Who is in the picture can be pressed, to be kept alone in it.
function pressable({ repair, label, box }, width, height, line) {
  const place = draw("rect", {
    x: box[0] * width, y: box[1] * height, width: (box[2] - box[0]) * width, height: (box[3] - box[1]) * height,
    class: "evidence-person", role: "button", tabindex: "0", "aria-label": label, "stroke-width": line, "data-keep": repair,
  });
  const words = draw("title", {});
  words.textContent = label;
  place.append(words);
  const keep = () => { if (!isMending) startMending([repair]); };
  place.addEventListener("click", keep);
  place.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    keep();
  });
  return place;
}

function boxedPicture({ picture, alt, boxes }, kept) {
  const left = Math.min(0, ...boxes.map((box) => box[0])), top = Math.min(0, ...boxes.map((box) => box[1]));
  const right = Math.max(1, ...boxes.map((box) => box[2])), bottom = Math.max(1, ...boxes.map((box) => box[3]));
  const sheet = draw("svg", { class: "evidence-picture", role: kept.length ? "group" : "img", "aria-label": alt });
  const source = new Image();
  source.onload = () => { // only now is its shape known
    const [width, height] = [source.naturalWidth, source.naturalHeight];
    sheet.setAttribute("viewBox", `${left * width} ${top * height} ${(right - left) * width} ${(bottom - top) * height}`);
    sheet.style.aspectRatio = `${(right - left) * width} / ${(bottom - top) * height}`;
    sheet.append(draw("image", { href: picture, width, height }));
    const line = Math.max(width, height) / 160;
    for (const box of boxes)
      sheet.append(draw("rect", {
        x: box[0] * width, y: box[1] * height, width: (box[2] - box[0]) * width, height: (box[3] - box[1]) * height,
        "stroke-width": line, "stroke-dasharray": `${4 * line} ${2 * line}`,
      }));
    sheet.append(...kept.map((repair) => pressable(repair, width, height, line)));
  };
  source.src = picture;
  return sheet;
}

function curve({ name, points, limit, limit_words, words }) {
  const figure = make("figure", "curve");
  const last_s = Math.max(...points.map(([time]) => time), 0.001);
  const most = 1.12 * Math.max(limit, ...points.map(([, value]) => value), 1e-9);
  const x = (time) => CURVE.left + ((CURVE.right - CURVE.left) * time) / last_s;
  const y = (value) => CURVE.bottom - ((CURVE.bottom - CURVE.top) * Math.max(0, value)) / most;
  const sheet = draw("svg", { viewBox: `0 0 ${CURVE.width} ${CURVE.height}`, role: "img", "aria-label": words });
  sheet.append(
    draw("line", { class: "curve-ground", x1: CURVE.left, x2: CURVE.right, y1: CURVE.bottom, y2: CURVE.bottom }),
    draw("polyline", { class: "curve-line", points: points.map(([time, value]) => `${x(time).toFixed(1)},${y(value).toFixed(1)}`).join(" ") }),
    draw("line", { class: "curve-limit", x1: CURVE.left, x2: CURVE.right, y1: y(limit), y2: y(limit) }),
  );
  const label = draw("text", { class: "curve-words", x: CURVE.right, y: y(limit) - 4, "text-anchor": "end" });
  label.textContent = limit_words;
  sheet.append(label);
  figure.append(sheet, make("figcaption", "", t("{name}, over {length}", { name, length: `${last_s.toFixed(1)} s` })));
  return figure;
}

function spanButtons(spans) {
  const list = make("ul", "evidence-spans");
  list.append(...spans.map((span) => {
    const item = make("li");
    const button = make("button", "quiet", t("Play {words}", { words: span.words }));
    button.type = "button";
    button.addEventListener("click", () => document.querySelector("#video-slot .slot")?.dispatchEvent(new CustomEvent("kl-play", { detail: span })));
    item.append(button);
    return item;
  }));
  return list;
}
