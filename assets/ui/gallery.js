// The visitor's runs. The server searches, filters, sorts and pages them; what is asked for is remembered over a reload.
// Events for Python: 'browse' {query, after, asked}, 'open' {run_id}, 'star' {run_id, starred}, 'delete' {run_id, loss,
// current} and 'restore' {run_id, current}.
const QUERY_KEY = "kling_ui.gallery";
const TYPING_MS = 250;
const galleryPart = (selector) => element.querySelector(`.gallery ${selector}`);
const tools = galleryPart(".gallery-tools");
let cards = []; // the runs that are listed, in order
let following = null; // where the next page begins
let asked = 0; // the newest question to the server
let isAppended = false; // its answer goes behind what is listed
let hasBrowsed = false;
let typing = null;

const query = () => ({ ...Object.fromEntries(new FormData(tools)), starred: tools.elements.starred.checked });
const isUsual = ({ text, engine, state, starred, sort }) => !text.trim() && !engine && !state && !starred && sort === "newest";

function recall() {
  let kept = {};
  try { kept = JSON.parse(localStorage.getItem(QUERY_KEY)) || {}; } catch { /* somebody else wrote it */ }
  for (const name of ["engine", "state", "sort"]) {
    const options = [...tools.elements[name].options].map(({ value }) => value);
    if (options.includes(kept[name])) tools.elements[name].value = kept[name];
  }
  tools.elements.starred.checked = kept.starred === true;
}

function browse({ isMore = false } = {}) {
  const { text, ...kept } = query(); // what was searched for stays nowhere
  localStorage.setItem(QUERY_KEY, JSON.stringify(kept));
  asked += 1;
  isAppended = isMore;
  hasBrowsed = true;
  galleryPart("[data-do=more]").disabled = true;
  trigger("browse", { query: { text, ...kept }, after: isMore ? following : null, asked });
}

function drawListed() {
  const told = props.listed || {};
  if (told.asked !== asked) return; // an answer to an older question
  galleryPart("[data-do=more]").disabled = false;
  galleryPart(".gallery-note").textContent = told.words || "";
  if (!told.runs) return;
  const known = new Set(cards.map(({ run_id }) => run_id));
  const firstNew = told.runs.find(({ run_id }) => !known.has(run_id));
  cards = isAppended ? [...cards, ...told.runs.filter(({ run_id }) => !known.has(run_id))] : told.runs;
  following = told.after;
  drawCards(told.total);
  if (isAppended && firstNew && document.activeElement === document.body) galleryPart(`[data-run="${firstNew.run_id}"] .past`)?.focus();
  if (!cards.length) galleryPart(".gallery-note").textContent = t("No run fits. Look for something else.");
}

// What changed among the newest runs goes into what is listed, whatever that is; older pages stay as they are.
function mergeNewest() {
  const { runs = [], total = 0, after = null, deleted, restored } = props.value || {};
  const fresh = new Map(runs.map((card) => [card.run_id, card]));
  if (isUsual(query()) && !restored) {
    const oldest = runs.at(-1)?.at ?? Infinity;
    const older = after ? cards.filter(({ run_id, at }) => !fresh.has(run_id) && run_id !== deleted && at <= oldest) : [];
    if (!older.length || !after) following = after;
    cards = [...runs, ...older];
    return drawCards(total);
  }
  if (!hasBrowsed || restored) return browse();
  cards = cards.filter(({ run_id }) => run_id !== deleted).map((card) => fresh.get(card.run_id) || card);
  drawCards(galleryTotal - (deleted ? 1 : 0));
}

let galleryTotal = 0;

function drawCards(total) {
  galleryTotal = Math.max(total, cards.length);
  const { current } = props.value || {};
  const list = galleryPart(".gallery-list");
  const known = new Map([...list.children].map((item) => [item.dataset.run, item]));
  const items = cards.map((card) => {
    const key = JSON.stringify([card, card.run_id === current]);
    const item = known.get(card.run_id);
    if (item?.dataset.key === key) return item; // a button that is being used stays
    const made = cardOf(card, current);
    made.dataset.key = key;
    return made;
  });
  const held = list.contains(document.activeElement) ? document.activeElement : null;
  const [heldRun, heldAs] = [held?.closest("[data-run]").dataset.run, held?.className ? `.${held.className}` : "input"];
  list.replaceChildren(...items);
  if (held?.isConnected) held.focus({ preventScroll: true });
  else if (held) focusIn(heldRun, heldAs);
  if (returning && focusIn(returning, ".past")) returning = null;
  galleryPart(".gallery-count").textContent = galleryTotal ? String(galleryTotal) : "";
  galleryPart(".gallery-more").hidden = !following;
  drawChosen();
}

// Gives the focus to a part of a run that was drawn anew, or says that it is not there.
function focusIn(run_id, selector) {
  const part = galleryPart(`[data-run="${CSS.escape(run_id)}"] ${selector}`);
  part?.focus({ preventScroll: true });
  return Boolean(part);
}

function cardOf(card, current) {
  const item = make("li", "tile");
  item.dataset.run = card.run_id;
  const press = make("button", "past");
  press.type = "button";
  press.dataset.state = card.state;
  if (card.run_id === current) press.setAttribute("aria-current", "true");
  const picture = make(card.poster ? "img" : "span", "past-picture");
  if (card.poster) Object.assign(picture, { loading: "lazy", decoding: "async", alt: "", src: card.poster, onerror: () => { picture.classList.add("is-missing"); } });
  else picture.append(icon("M3.5 5h13v10h-13zM3.5 15l13-10")); // there is none
  const words = make("span", "past-words");
  for (const name of ["title", "about", "more"]) if (card[name]) words.append(make("span", `past-${name}`, card[name]));
  press.append(picture, words);
  press.addEventListener("click", () => {
    arriveAnywhere();
    showDifferences(false);
    awaitAbout(card.run_id);
    trigger("open", { run_id: card.run_id });
  });
  item.append(press, toolsOf(card), sureOf(card));
  return item;
}

function toolsOf(card) {
  const row = make("div", "tile-tools");
  const star = make("button", "tile-star");
  star.type = "button";
  star.setAttribute("aria-label", t("Star {name}", { name: card.title }));
  star.setAttribute("aria-pressed", String(card.starred));
  star.append(icon("M10 2.2l2.4 5 5.4.7-4 3.8 1 5.4-4.8-2.6-4.8 2.6 1-5.4-4-3.8 5.4-.7z"));
  star.addEventListener("click", () => {
    card.starred = !card.starred;
    star.setAttribute("aria-pressed", String(card.starred));
    trigger("star", { run_id: card.run_id, starred: card.starred });
  });
  row.append(star);
  if (card.can_compare) {
    const label = make("label", "tile-choose");
    const box = Object.assign(make("input"), { type: "checkbox", value: card.run_id });
    label.append(box, make("span", "", t("Compare")), make("span", "unseen", ` ${card.title}`));
    box.addEventListener("change", () => choose(card, box.checked));
    row.append(label);
  }
  if (card.loss !== "under way") {
    const remove = make("button", "tile-delete");
    remove.type = "button";
    remove.setAttribute("aria-label", t("Delete {name}", { name: card.title }));
    remove.append(icon("M4 6h12v1.6h-.9L14.3 18H5.7L4.9 7.6H4zM8 3h4l1 1.4h3V6H4V4.4h3zM7.6 9l.3 7h1.3l-.3-7zm3.5 0l-.3 7h1.3l.3-7z"));
    remove.addEventListener("click", () => (card.loss_words ? askIn(remove.closest(".tile")) : removeRun(card, remove)));
    row.append(remove);
  }
  return row;
}

function icon(path) {
  const node = draw("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" });
  node.append(draw("path", { d: path }));
  return node;
}

// What was paid for goes only after a second word.
function sureOf(card) {
  const sure = make("div", "tile-sure");
  sure.hidden = true;
  if (!card.loss_words || card.loss === "under way") return sure;
  const [yes, no] = [t("Delete it"), t("Keep it")].map((words) => Object.assign(make("button", "quiet", words), { type: "button" }));
  yes.addEventListener("click", () => removeRun(card, yes));
  no.addEventListener("click", () => { sure.hidden = true; sure.parentElement.querySelector(".tile-delete").focus(); });
  sure.append(make("p", "", card.loss_words), yes, no);
  return sure;
}

function askIn(item) {
  item.querySelector(".tile-sure").hidden = false;
  item.querySelector(".tile-sure button:last-child").focus();
}

let removing = null; // the run whose way back gets the focus once it is deleted
let returning = null; // the run that gets the focus once it is put back
function removeRun(card, press) {
  press.disabled = true;
  removing = card.run_id;
  chosen.delete(card.run_id);
  trigger("delete", { run_id: card.run_id, loss: card.loss, current: props.value?.current || "" });
}

function drawTrash() {
  const { trash = [], deleted } = props.value || {};
  galleryPart(".gallery-trash").replaceChildren(...trash.map(({ run_id, words }) => {
    const item = make("li");
    const back = Object.assign(make("button", "quiet", t("Undo")), { type: "button" });
    back.addEventListener("click", () => { back.disabled = true; returning = run_id; trigger("restore", { run_id, current: props.value?.current || "" }); });
    item.append(make("span", "", words), back);
    item.dataset.trash = run_id;
    return item;
  }));
  if (deleted && deleted === removing) {
    removing = null;
    galleryPart(`[data-trash="${deleted}"] button`)?.focus();
  }
}

function drawSums() {
  const { spent = "", forecasts = "", days = [] } = props.value || {};
  for (const [name, words] of [["spent", spent], ["forecasts", forecasts]]) {
    galleryPart(`.gallery-${name}`).textContent = words;
    galleryPart(`.gallery-${name}`).hidden = !words;
  }
  galleryPart(".gallery-days").hidden = !days.length;
  galleryPart(".gallery-days tbody").replaceChildren(...days.map((values) => {
    const line = make("tr");
    line.append(...values.map((value) => make("td", "", value)));
    return line;
  }));
}

function drawGallery() {
  mergeNewest();
  drawTrash();
  drawSums();
  const { total = 0, trash = [] } = props.value || {};
  tools.hidden = !total;
  galleryPart(".gallery-head").hidden = !total;
  element.querySelector(".gallery").hidden = !total && !trash.length && !props.value?.spent;
}

function wireGallery() {
  recall();
  tools.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(typing); browse(); });
  tools.addEventListener("change", ({ target }) => { if (target.name !== "text") browse(); });
  tools.elements.text.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(browse, TYPING_MS);
  });
  galleryPart("[data-do=more]").addEventListener("click", () => browse({ isMore: true }));
  watch("listed", drawListed);
  watch("said", () => {
    const { run_id, words = "" } = props.said || {};
    const isAbout = run_id && run_id === props.value?.about?.run_id && element.querySelector(".about").open;
    galleryPart(".gallery-note").textContent = isAbout ? "" : words;
    for (const press of element.querySelectorAll(".tile button, .gallery-trash button")) press.disabled = false;
  });
}
