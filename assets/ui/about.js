// What the run that is shown was made of; its inputs can be used again, and it can be named and deleted.
// Events for Python: 'reuse' with {run_id} or {before}, 'rename' with {run_id, name}, 'delete' with {run_id, loss}.
const aboutPart = (selector) => element.querySelector(`.about ${selector}`);
let aboutRun = null; // whose details are drawn
let awaited = null; // {run_id, before}: the run that is asked for, while that before is still what was told last
let toldOf = null; // the newest answer to somebody who used inputs again
let beforeReuse = null; // what stood in the places of the inputs before those of a run came there

function aboutNote(words) { aboutPart(".about-note").textContent = words || ""; }

// Called where a run is asked for: until it comes nobody can name or delete the one before in its place.
function awaitAbout(run_id) {
  const before = props.value?.current || "";
  awaited = run_id === before ? null : { run_id, before };
  if (awaited) element.querySelector(".about").hidden = true;
}

function askToDelete(open) {
  aboutPart(".about-sure").hidden = !open;
  aboutPart("[data-do=delete]").setAttribute("aria-expanded", String(open));
  if (open) aboutPart("[data-do=keep]").focus();
}

function drawAbout() {
  const { run_id, rows = [], name = "", can_use, can_delete, loss_words = "" } = props.value?.about || {};
  const { current = "", arrived } = props.value || {};
  // Something else than was asked for was asked for later; only what comes with the page was so before.
  if (awaited && (current === awaited.run_id || (current !== awaited.before && !arrived))) awaited = null;
  element.querySelector(".about").hidden = !run_id || Boolean(awaited);
  aboutPart("summary").textContent = name ? t("About “{name}”", { name }) : t("About this run");
  const list = aboutPart(".about-rows");
  list.replaceChildren(...rows.map(([term, text]) => {
    const row = make("div");
    row.append(make("dt", "", term), make("dd", "", text));
    return row;
  }));
  aboutPart("[data-do=reuse]").hidden = !can_use;
  const { beside } = props.value?.about || {};
  aboutPart("[data-do=beside]").hidden = !beside;
  aboutPart("[data-do=beside]").textContent = beside?.label || "";
  aboutPart(".about-sure p").textContent = loss_words;
  aboutPart("[data-do=sure]").hidden = !can_delete;
  aboutPart("[data-do=sure]").disabled = false;
  const field = aboutPart(".about-name input");
  if (field !== document.activeElement || run_id !== aboutRun) field.value = name;
  if (run_id === aboutRun) return;
  aboutRun = run_id;
  askToDelete(false);
  aboutNote("");
  offerUndo(null);
}

function offerUndo(before) {
  beforeReuse = before;
  aboutPart("[data-do=undo]").hidden = !before;
}

const aboutDeeds = {
  reuse: () => { aboutNote(t("Fetching its inputs.")); trigger("reuse", { run_id: aboutRun }); },
  undo: () => { trigger("reuse", { before: beforeReuse }); },
  beside: () => trigger("compare", { run_ids: props.value?.about?.beside?.run_ids }),
  delete: () => askToDelete(aboutPart(".about-sure").hidden),
  keep: () => { askToDelete(false); aboutPart("[data-do=delete]").focus(); },
  sure: () => { aboutPart("[data-do=sure]").disabled = true; removing = aboutRun; trigger("delete", { run_id: aboutRun, loss: props.value?.about?.loss, current: aboutRun }); },
};

function wireAbout() {
  element.querySelector(".about").addEventListener("click", (event) => aboutDeeds[event.target.closest("[data-do]")?.dataset.do]?.());
  aboutPart(".about-name").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = event.target.querySelector("input");
    trigger("rename", { run_id: aboutRun, name: field.value });
    field.blur(); // what is kept of it stands there next
  });
  watch("used", () => {
    if (props.used?.number === toldOf) return; // Gradio repeats what a handler said last
    toldOf = props.used?.number;
    aboutNote(props.used?.words);
    offerUndo(props.used?.before);
  });
  watch("said", () => {
    if (props.said?.run_id !== aboutRun) return;
    askToDelete(false);
    aboutNote(props.said.words);
    aboutPart("[data-do=sure]").disabled = false;
  });
}
