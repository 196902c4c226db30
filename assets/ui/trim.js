// Two handles on the clip's time, by mouse, touch and keyboard: what lies between them can be all that is kept. Event for
// Python: 'foresee' with {span}, answered by the property 'part' with what it would cost and bring.
const TRIM_STEP_S = 0.1;
const TRIM_LEAST_S = 3; // shorter clips are not taken
const ASK_AFTER_MS = 120;
const trim = { start_s: 0, end_s: 0, duration_s: 0, asks: null };
const trimHandle = (end) => find(`.trim-handle.is-${end}`);
const isTrimmed = () => trim.end_s - trim.start_s < trim.duration_s - 0.005;

function drawTrim(duration_s) {
  Object.assign(trim, { start_s: 0, end_s: duration_s, duration_s });
  for (const end of ["start", "end"]) trimHandle(end).hidden = duration_s < TRIM_LEAST_S + TRIM_STEP_S;
  paintTrim();
}

function paintTrim() {
  const { start_s, end_s, duration_s } = trim;
  const share = (time_s) => `${duration_s ? (100 * time_s) / duration_s : 0}%`;
  trimHandle("start").style.left = share(start_s);
  trimHandle("end").style.left = share(end_s);
  find(".trim-shade.is-before").style.width = share(start_s);
  find(".trim-shade.is-after").style.width = share(duration_s - end_s);
  for (const [end, time_s, low, high] of [["start", start_s, 0, end_s - TRIM_LEAST_S], ["end", end_s, start_s + TRIM_LEAST_S, duration_s]]) {
    const handle = trimHandle(end);
    handle.setAttribute("aria-valuemin", low.toFixed(1));
    handle.setAttribute("aria-valuemax", high.toFixed(1));
    handle.setAttribute("aria-valuenow", time_s.toFixed(1));
    handle.setAttribute("aria-valuetext", t("{time} seconds", { time: time_s.toFixed(1) }));
  }
  find(".trim").hidden = !isTrimmed();
  sayTrim();
}

// The seconds are said at once; what they cost and bring follows when the handles rest.
function sayTrim() {
  const told = props.part || {};
  const isOfThis = told.span && Math.abs(told.span[0] - trim.start_s) + Math.abs(told.span[1] - trim.end_s) < 1e-6;
  const where = `${trim.start_s.toFixed(1)}–${trim.end_s.toFixed(1)} s`;
  const words = isOfThis ? told.words : `${(trim.end_s - trim.start_s).toFixed(1)} s`;
  find(".trim-words").textContent = t("{one}, {other}", { one: where, other: words });
}

function moveHandle(end, time_s) {
  const least_s = Math.min(TRIM_LEAST_S, trim.duration_s);
  const at_s = Math.round(time_s * 100) / 100;
  if (end === "start") trim.start_s = Math.max(0, Math.min(at_s, trim.end_s - least_s));
  else trim.end_s = Math.min(trim.duration_s, Math.max(at_s, trim.start_s + least_s));
  paintTrim();
  showMoment(end === "start" ? trim.start_s : trim.end_s);
  clearTimeout(trim.asks);
  trim.asks = setTimeout(() => { if (isTrimmed()) trigger("foresee", { span: [trim.start_s, trim.end_s] }); }, ASK_AFTER_MS);
}

function showMoment(time_s) {
  if (!clip.getAttribute("src") || clip.hidden) return;
  clip.pause();
  clip.currentTime = Math.min(time_s, Math.max(0, trim.duration_s - 0.05));
}

function wireHandle(end) {
  const handle = trimHandle(end);
  const now = () => (end === "start" ? trim.start_s : trim.end_s);
  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    handle.focus();
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener("pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const row = find(".reel-row").getBoundingClientRect();
    moveHandle(end, (trim.duration_s * (event.clientX - row.left)) / row.width);
  });
  handle.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 10 * TRIM_STEP_S : TRIM_STEP_S;
    const to = {
      ArrowLeft: now() - step, ArrowDown: now() - step, ArrowRight: now() + step, ArrowUp: now() + step,
      PageDown: now() - 1, PageUp: now() + 1, Home: 0, End: trim.duration_s,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    moveHandle(end, to);
  });
}

function wireTrim() {
  wireHandle("start");
  wireHandle("end");
  watch("part", sayTrim);
}
