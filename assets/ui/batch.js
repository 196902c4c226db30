// A batch: files are uploaded one after the other, then planned, ticked, started, followed and reported.
const find = (selector) => element.querySelector(selector);
const deed = (name) => find(`[data-do=batch-${name}]`);
const KEPT = "kling_ui.batch";
const files = []; // {name, kind, ref | text, note}
let uploading = 0;
let asking = false;
let drawn = "";

function say(text) { find(".batch-said").textContent = text; }

function showFiles() {
  find(".batch-files").replaceChildren(...files.map((file) => {
    const item = make("li", "", `${file.note ? t("{name}: {words}", { name: file.name, words: file.note }) : file.name} `);
    const remove = make("button", "quiet", t("Remove"));
    remove.type = "button";
    remove.setAttribute("aria-label", t("Remove {name}", { name: file.name }));
    remove.onclick = () => { files.splice(files.indexOf(file), 1); showFiles(); };
    item.append(remove);
    return item;
  }));
  const hasManifest = files.some((file) => file.kind === "manifest");
  find(".batch-grid").hidden = hasManifest;
  freshen();
}

function freshen() {
  const { is_under_way, cells = [], id } = props.value || {};
  const ready = files.some((file) => file.kind === "manifest") || ["image", "video"].every((kind) => files.some((file) => file.kind === kind));
  deed("plan").disabled = asking || is_under_way || uploading > 0 || !ready;
  deed("start").disabled = asking || is_under_way || !ticked().length;
  deed("pause").hidden = !is_under_way;
  deed("report").hidden = is_under_way || !id || !cells.some((cell) => cell.is_done);
}

function kindOf(file) {
  if (/\.(csv|jsonl|ndjson)$/i.test(file.name)) return "manifest";
  return file.type.startsWith("video/") || /\.(mp4|mov|webm|mkv|avi|gif)$/i.test(file.name) ? "video" : "image";
}

async function take(chosen) {
  for (const file of chosen) {
    const entry = { name: file.name, kind: kindOf(file), note: t("waiting") };
    if (entry.kind === "manifest") {
      const old = files.findIndex((one) => one.kind === "manifest");
      if (old >= 0) files.splice(old, 1);
      files.push(Object.assign(entry, { text: await file.text(), note: "" }));
    } else if (files.some((one) => one.name === file.name)) {
      say(t("There is a file {name} already.", { name: file.name }));
    } else {
      files.push(entry);
      upload(file, entry);
    }
  }
  showFiles();
}

let line = Promise.resolve(); // one upload after the other
function upload(file, entry) {
  uploading += 1;
  line = line.then(async () => {
    if (!files.includes(entry)) return;
    entry.note = t("uploading");
    showFiles();
    try {
      if (file.size > props.max_bytes) throw new Error(t("larger than {size} MB", { size: Math.round(props.max_bytes / 2 ** 20) }));
      const answer = await fetch(new URL("./inputs", document.baseURI), { method: "POST", body: file, headers: { "X-File-Name": encodeURIComponent(file.name) } });
      const told = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(told.error || t("it did not arrive"));
      entry.ref = told.ref;
      entry.note = "";
    } catch (error) {
      entry.note = t("not taken: {reason}", { reason: error.message });
    }
  }).finally(() => { uploading -= 1; showFiles(); });
}

function ticked() {
  return [...element.querySelectorAll("tbody input:checked:not(:disabled)")].map((box) => Number(box.dataset.cell));
}

function ask(event, more) {
  asking = true;
  say(event === "plan" ? t("Checking all cells.") : "");
  freshen();
  trigger(event, { id: (props.value || {}).id || "", max_usd: deed("max").value ? Number(deed("max").value) : null, ...more });
}

function plan() {
  const manifest = files.find((file) => file.kind === "manifest");
  ask("plan", {
    files: files.filter((file) => file.ref).map(({ name, kind, ref }) => ({ name, kind, ref })),
    manifest: manifest ? { name: manifest.name, text: manifest.text } : null,
    orientations: [...element.querySelectorAll("[data-facing]:checked")].map((box) => box.dataset.facing),
    prompts: deed("prompts").value.split("\n").map((text) => text.trim()).filter(Boolean),
    keep_sound: deed("sound").checked,
    repair: deed("repair").checked,
  });
}

function row(cell, kept) {
  const node = document.createElement("tr");
  const box = make("input");
  box.type = "checkbox";
  box.dataset.cell = cell.cell;
  box.disabled = !cell.can_start;
  box.checked = cell.can_start && (kept.get(cell.cell) ?? cell.is_ticked);
  box.setAttribute("aria-label", t("Cell {number}", { number: cell.cell }));
  const state = make("td", cell.is_done ? "batch-done" : cell.is_failed ? "batch-failed" : "");
  if (cell.run_id) {
    const link = make("button", "batch-open", cell.state);
    link.type = "button";
    link.onclick = () => trigger("open", { run_id: cell.run_id });
    state.append(link);
  } else state.textContent = cell.state;
  const [first, what] = [make("td"), make("td", "batch-what", cell.title)];
  first.append(box);
  if (cell.now && cell.now.replace(/[.。]$/, "") !== cell.state) what.append(make("span", "batch-now", cell.now));
  node.append(first, make("td", "", String(cell.cell)), what, state, make("td", "", cell.match), make("td", "", cell.price));
  return node;
}

function render() {
  const value = props.value || {};
  asking = false;
  if (value.id) { try { sessionStorage.setItem(KEPT, value.id); } catch { /* private windows may keep nothing */ } }
  if (value.said !== undefined) say(value.said);
  const cells = value.cells || [];
  const next = JSON.stringify(cells);
  if (next !== drawn) {
    drawn = next;
    const kept = new Map([...element.querySelectorAll("tbody input:not(:disabled)")].map((box) => [Number(box.dataset.cell), box.checked]));
    find("tbody").replaceChildren(...cells.map((cell) => row(cell, kept)));
    find(".batch-table").hidden = !cells.length;
  }
  const link = find(".batch-link");
  link.hidden = !value.report;
  if (value.report) link.href = new URL(value.report, document.baseURI).href;
  freshen();
}

const picker = find("input[type=file]");
deed("pick").onclick = () => picker.click();
picker.onchange = () => { take([...picker.files]); picker.value = ""; };
const body = find(".batch-body");
body.ondragover = (event) => { event.preventDefault(); deed("pick").classList.add("over"); };
body.ondragleave = () => deed("pick").classList.remove("over");
body.ondrop = (event) => { event.preventDefault(); event.stopPropagation(); deed("pick").classList.remove("over"); take([...event.dataTransfer.files]); };
deed("plan").onclick = plan;
deed("start").onclick = () => ask("start", { cells: ticked() });
deed("pause").onclick = () => { trigger("pause", { id: (props.value || {}).id || "" }); say(t("Pausing: what runs is finished, nothing more is started.")); };
deed("report").onclick = () => { ask("report", {}); say(t("Making the report.")); };
deed("all").onchange = () => { element.querySelectorAll("tbody input:not(:disabled)").forEach((box) => { box.checked = deed("all").checked; }); freshen(); };
find("tbody").addEventListener("change", freshen);
find(".batch").ontoggle = () => {
  let kept = "";
  try { kept = sessionStorage.getItem(KEPT) || ""; } catch { /* nothing was kept */ }
  if (find(".batch").open && kept && !(props.value || {}).id) trigger("look", { id: kept });
};
watch("value", render);
render();
