// A clip beyond the limit: where it is cut, what its pieces cost, how far they are. Cuts are moved here and judged in
// Python, event 'plan' with {cuts} in seconds; 'start' runs what was judged last.
const find = (selector) => element.querySelector(selector);
const deed = (name) => find(`[data-do=long-${name}]`);
const NUDGE_MS = 500; // after the last key, so that a row of them is judged once
let cuts = []; // in seconds, as they stand here
let isByHand = false;
let isJudged = true; // Python has said that they can be used
let timer = 0;
let wasUnderWay = false;

const plan = () => (props.value || {}).plan;
const second = (time_s) => `${time_s.toFixed(1)} s`;
const clipVideo = () => document.querySelector("#video-slot video");
const bounded = (time_s) => Math.min(plan().duration_s - plan().step_s, Math.max(plan().step_s, time_s));

function showMoment(time_s) {
  const video = clipVideo();
  if (!video?.getAttribute("src")) return;
  video.pause();
  video.currentTime = time_s;
}

function judge(times) {
  clearTimeout(timer);
  isJudged = false;
  freshen();
  trigger("plan", { cuts: times });
}

function changed(times, wait = 0) {
  const held = document.activeElement?.classList.contains("long-clip-cut") ? times.indexOf(cuts[Number(document.activeElement.dataset.place)]) : -1;
  isByHand = true;
  isJudged = false;
  cuts = [...times].sort((one, other) => one - other).map((time_s) => Math.round(time_s * 1000) / 1000);
  clearTimeout(timer);
  timer = setTimeout(() => judge(cuts), wait);
  drawTrack();
  if (held >= 0) find(`[data-place="${held}"]`)?.focus();
  freshen();
}

function move(place, time_s, wait) {
  const low = place ? cuts[place - 1] + plan().step_s : 0;
  const high = place + 1 < cuts.length ? cuts[place + 1] - plan().step_s : plan().duration_s;
  const to = Math.min(high, Math.max(low, bounded(time_s)));
  changed(cuts.map((old, at) => (at === place ? to : old)), wait);
  find(`[data-place="${place}"]`)?.focus();
  showMoment(to);
}

function remove(place) {
  changed(cuts.filter((_, at) => at !== place));
  (find(`[data-place="${Math.min(place, cuts.length - 1)}"]`) || deed("add")).focus();
}

function add(time_s) {
  changed([...cuts, bounded(time_s)]);
  const place = cuts.findIndex((one) => Math.abs(one - time_s) < plan().step_s);
  find(`[data-place="${place}"]`)?.focus();
  showMoment(time_s);
}

function addInLongest() {
  const edges = [0, ...cuts, plan().duration_s];
  let longest = 1;
  for (let at = 1; at < edges.length; at += 1) if (edges[at] - edges[at - 1] > edges[longest] - edges[longest - 1]) longest = at;
  add((edges[longest] + edges[longest - 1]) / 2);
}

function timeAt(event) {
  const { left, width } = find(".long-clip-track").getBoundingClientRect();
  return ((event.clientX - left) / width) * plan().duration_s;
}

function onKey(event, place) {
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 }[event.key];
  if (by) move(place, cuts[place] + by * (event.shiftKey ? 1 : plan().step_s), NUDGE_MS);
  else if (event.key === "PageUp" || event.key === "PageDown") move(place, cuts[place] + (event.key === "PageUp" ? 1 : -1), NUDGE_MS);
  else if (event.key === "Delete" || event.key === "Backspace") remove(place);
  else return;
  event.preventDefault();
}

function handle(time_s, place) {
  const node = make("button", "long-clip-cut");
  node.type = "button";
  node.dataset.place = place;
  node.style.left = `${(100 * time_s) / plan().duration_s}%`;
  node.setAttribute("role", "slider");
  node.setAttribute("aria-label", t("Cut {number}", { number: place + 1 }));
  node.setAttribute("aria-valuemin", "0");
  node.setAttribute("aria-valuemax", String(plan().duration_s));
  node.setAttribute("aria-valuenow", String(time_s));
  node.setAttribute("aria-valuetext", second(time_s));
  node.title = second(time_s);
  node.onkeydown = (event) => onKey(event, place);
  node.onfocus = () => showMoment(cuts[place] ?? time_s);
  return node;
}

// The handle is drawn anew while it moves, so that the track holds the pointer.
function wireTrack(track) {
  let held = -1;
  track.onpointerdown = (event) => {
    const grabbed = event.target.closest(".long-clip-cut");
    if (!grabbed || !plan()) return;
    held = Number(grabbed.dataset.place);
    track.setPointerCapture(event.pointerId);
    grabbed.focus();
    event.preventDefault();
  };
  track.onpointermove = (event) => {
    if (held < 0) return;
    move(held, timeAt(event), 60_000);
  };
  track.onpointerup = track.onpointercancel = () => {
    if (held >= 0 && !isJudged) judge(cuts);
    held = -1;
  };
  track.ondblclick = (event) => { if (plan() && !event.target.closest(".long-clip-cut")) add(timeAt(event)); };
}

function drawTrack() {
  const { duration_s, spans } = plan();
  const place = (node, from_s, to_s) => {
    node.style.left = `${(100 * from_s) / duration_s}%`;
    node.style.width = `${(100 * (to_s - from_s)) / duration_s}%`;
    return node;
  };
  const edges = [0, ...cuts, duration_s];
  const sent = (from_s, to_s) => plan().pieces.find((piece) => Math.abs(piece.start_s - from_s) < 0.01 && Math.abs(piece.end_s - to_s) < 0.01)?.is_sent ?? true;
  find(".long-clip-track").replaceChildren(
    ...spans.filter((span) => span.kind !== "cut").map((span) => {
      const node = place(make("span", `long-clip-span is-${span.kind}`), span.start_s, span.end_s);
      node.title = t("{one}, {other}", { one: span.words, other: `${span.start_s.toFixed(1)}–${second(span.end_s)}` });
      return node;
    }),
    ...edges.slice(1).map((to_s, at) => {
      const node = place(make("span", "long-clip-piece", second(to_s - edges[at])), edges[at], to_s);
      node.classList.toggle("is-left-out", !sent(edges[at], to_s));
      return node;
    }),
    ...cuts.map(handle),
  );
}

function drawPlan() {
  const told = plan();
  find(".long-clip-plan").hidden = !told;
  if (!told) return;
  cuts = told.cuts.map((cut) => cut.at_s);
  isByHand = told.is_by_hand;
  isJudged = true;
  const focused = find(".long-clip-cut:focus")?.dataset.place;
  find(".long-clip-message").textContent = told.message;
  find(".long-clip-end").textContent = second(told.duration_s);
  drawTrack();
  if (focused !== undefined) find(`[data-place="${focused}"]`)?.focus();
  find(".long-clip-cuts").replaceChildren(...told.cuts.map((cut, place) => {
    const item = make("li", "", `${t("Cut at {time}: {words}.", { time: second(cut.at_s), words: cut.words })} `);
    const button = make("button", "quiet", t("Remove"));
    button.type = "button";
    button.setAttribute("aria-label", t("Remove the cut at {time}", { time: second(cut.at_s) }));
    button.onclick = () => remove(place);
    item.append(button);
    return item;
  }));
  const gone = told.pieces.filter((piece) => !piece.is_sent).map((piece) => piece.message);
  find(".long-clip-lost").replaceChildren(...[...gone, ...told.lost].map((words) => make("li", "", words)));
  find(".long-clip-price").textContent = told.price;
  deed("start").textContent = told.label;
  const stop = find(".long-clip-stop");
  stop.textContent = told.stop || "";
  stop.hidden = !told.stop;
}

function freshen() {
  const isUnderWay = Boolean((props.work || {}).is_under_way);
  const isBusy = Boolean((props.told || {}).is_busy);
  deed("plan").hidden = Boolean(plan());
  deed("plan").disabled = isBusy;
  deed("start").disabled = isUnderWay || !isJudged || Boolean(plan()?.stop);
  deed("back").hidden = !isByHand;
}

function drawPiece(piece) {
  const item = make("li", piece.is_failed ? "is-failed" : "");
  item.append(make("span", "long-clip-span-words", piece.span), make("span", "long-clip-state", piece.state && piece.match ? t("{one}, {other}", { one: piece.state, other: piece.match }) : piece.state || piece.match));
  if (piece.run_id) {
    const link = make("button", "long-clip-open", t("Open"));
    link.type = "button";
    link.setAttribute("aria-label", t("Open the run of piece {number}", { number: piece.number }));
    link.onclick = () => trigger("open", { run_id: piece.run_id });
    item.append(link);
  }
  if (piece.message) item.append(make("span", "long-clip-why", piece.message));
  return item;
}

function drawWork() {
  const work = props.work || {};
  const pieces = work.pieces || [];
  find(".long-clip-work").hidden = work.words === undefined;
  find(".long-clip-words").textContent = [work.words, work.advice].filter(Boolean).join(BETWEEN);
  find(".long-clip-words").classList.toggle("is-failed", Boolean(work.is_failed));
  const bar = find(".long-clip-share");
  bar.hidden = !work.is_under_way;
  if (work.share === null || work.share === undefined) bar.removeAttribute("value");
  else bar.value = work.share;
  const rows = JSON.stringify(pieces);
  const list = find(".long-clip-pieces");
  if (list.dataset.drawn !== rows) {
    list.dataset.drawn = rows;
    list.replaceChildren(...pieces.map(drawPiece));
  }
  deed("cancel").hidden = !work.can_cancel;
  deed("open").hidden = !work.run_id;
  if (wasUnderWay && !work.is_under_way && work.run_id) trigger("open", { run_id: work.run_id });
  wasUnderWay = Boolean(work.is_under_way);
  showArea();
  freshen();
}

function drawTold() {
  const { words = "", is_fault = false } = props.told || {};
  find(".long-clip-told").textContent = words;
  find(".long-clip-told").classList.toggle("is-failed", is_fault);
  freshen();
}

function showArea() {
  find(".long-clip").hidden = !(props.value || {}).offer && (props.work || {}).words === undefined;
  find(".long-clip-head").hidden = !(props.value || {}).offer;
}

function render() {
  const { offer = "", label = "" } = props.value || {};
  find(".long-clip-offer").textContent = offer;
  deed("plan").textContent = label;
  drawPlan();
  showArea();
  freshen();
}

wireTrack(find(".long-clip-track"));
deed("plan").onclick = () => trigger("plan", { cuts: null });
deed("add").onclick = addInLongest;
deed("back").onclick = () => judge(null);
deed("cancel").onclick = () => { deed("cancel").hidden = true; trigger("cancel", {}); };
deed("open").onclick = () => trigger("open", { run_id: props.work.run_id });
deed("start").onclick = () => trigger("start", {
  cuts: isByHand ? cuts : null,
  estimate_usd: plan().estimate_usd,
  next_from: deed("next").value,
  skip_blocked: deed("skip").checked,
});
watch("value", render);
watch("told", drawTold);
watch("work", drawWork);
render();
drawTold();
drawWork();
