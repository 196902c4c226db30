// The editor in which a person corrects the character of the picture: joints and outline, with a way back.
// Events for Python: 'edit' (what can be corrected?) and 'correct' with {ref, joints, mask}; property `editor` answers both.
const editor = find(".editor");
const stage = find(".editor-stage");
const sheet = find(".editor-sheet");
const SHEET_MAX_PX = 1400;
const GRAB_PX = 18, GRAB_WHILE_PLACING_PX = 6;
const ANSWER_MAX_MS = 60000, NO_ANSWER = t("The app did not answer. Try again.");
const SAME_MOVE_MS = 900; // presses of arrows within this are one step of undo
const TINTS = { joints: 0.22, outline: 0.5 };

let editorMode = "joints";
let editorPicture = null;
let editorRef = null; // which picture is corrected
let editorSteps = []; // {joints, strokes, before}: what undo goes back to
let editorStep = 0;
let editorMoved = { name: "", at: 0 };
let editorAnswered = 0;
let editorWait = 0; // counts what Python was asked
let editorWaits = false; // for Python to answer
let editorDirty = false;

const editorAspect = () => (editorPicture ? editorPicture.naturalWidth / editorPicture.naturalHeight : 1);

function openEditor() {
  if (!props.value?.can_correct || editorWaits) return;
  editorRef = props.value.ref;
  waitForPython();
  find(".slot-correct").textContent = t("Opening");
  trigger("edit");
}

// Of an answer that never comes a person is told, and can try again.
function waitForPython() {
  editorWaits = true;
  const wait = ++editorWait;
  setTimeout(() => {
    if (!editorWaits || wait !== editorWait) return;
    editorWaits = false;
    find(".slot-correct").textContent = t("Correct joints");
    if (editor.open) refuseEdit(NO_ANSWER);
    else fail(NO_ANSWER);
  }, ANSWER_MAX_MS);
}

async function onEditor() {
  const answer = props.editor || {};
  if (!answer.number || !editorWaits || answer.number === editorAnswered) return; // Gradio repeats what was said last
  editorAnswered = answer.number;
  editorWaits = false;
  find(".slot-correct").textContent = t("Correct joints");
  if (editor.open) return answer.error && refuseEdit(answer.error);
  if (answer.error) return fail(answer.error);
  try {
    editorPicture = await loadedImage(copy?.url || props.value.url);
    await loadBrush(answer);
  } catch {
    return fail(t("The picture could not be opened here."), t("Choose it again."));
  }
  loadJoints(answer);
  const long = Math.min(SHEET_MAX_PX, Math.max(editorPicture.naturalWidth, editorPicture.naturalHeight));
  sheet.width = Math.round(long * Math.min(1, editorAspect()));
  sheet.height = Math.round(long * Math.min(1, 1 / editorAspect()));
  stage.style.setProperty("--aspect", String(editorAspect()));
  editorSteps = [];
  editorStep = 0;
  rememberEdit();
  editorDirty = false;
  refuseEdit("");
  editor.showModal();
  const missing = jointNames.filter((name) => !jointNow[name]).length;
  setEditorMode("joints");
  sayEdit(missing === jointNames.length ? t("No joint was found: press on the picture to place one after the other.") : "");
  (missing ? find(".editor-pick") : find(`[data-joint="${CSS.escape(jointPicked)}"]`)).focus();
}

function closeEditor() {
  editor.close();
  editorWaits = false;
  find(".slot-correct").focus();
}

// Not `disabled`: a button that is pressed with a key would lose the focus, and the editor its keys.
function setOff(name, isOff) { find(`[data-edit=${name}]`).setAttribute("aria-disabled", String(isOff)); }

function sayEdit(words) { find(".editor-said").textContent = words; }

function refuseEdit(words) {
  find(".editor-error").textContent = words;
  show(find(".editor-error"), Boolean(words));
  setOff("save", false);
  if (words) sayEdit("");
}

function setEditorMode(mode) {
  editorMode = mode;
  for (const button of editor.querySelectorAll("[data-edit=mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  show(find(".editor-of-joints"), mode === "joints");
  show(find(".editor-of-outline"), mode === "outline");
  stage.dataset.mode = mode;
  sheet.tabIndex = mode === "outline" ? 0 : -1;
  if (mode === "outline") {
    sheet.setAttribute("role", "application");
    sheet.setAttribute("aria-label", t("Picture to paint on: arrows move the brush, Space paints, E changes between adding and erasing"));
  } else {
    sheet.setAttribute("role", "img");
    sheet.setAttribute("aria-label", t("The picture with the character's outline"));
  }
  drawEditor();
}

function drawEditor() {
  drawSheet(sheet, editorPicture, TINTS[editorMode]);
  drawJoints();
  drawBrush();
  setOff("undo", editorStep === 0);
  setOff("redo", editorStep >= editorSteps.length - 1);
  for (const button of editor.querySelectorAll("[data-edit=brush]")) button.setAttribute("aria-pressed", String((button.dataset.brush === "add") === brushAdds));
}

function drawBrush() {
  const ring = find(".editor-brush");
  ring.hidden = editorMode !== "outline";
  ring.style.left = `${100 * brushAt[0]}%`;
  ring.style.top = `${100 * brushAt[1]}%`;
  ring.style.width = `${(200 * brushRadius()) / brushFigure.width}%`;
}

// One step of undo; of presses that follow each other closely the newest takes the others' place.
function rememberEdit(replaces = false) {
  editorSteps = editorSteps.slice(0, replaces ? editorStep : editorStep + 1);
  editorSteps.push({ joints: jointNow, strokes: brushStrokes, before: brushBefore });
  editorStep = editorSteps.length - 1;
  editorDirty = true;
}

function goToEdit(step) {
  if (step < 0 || step >= editorSteps.length) return;
  editorStep = step;
  ({ joints: jointNow, strokes: brushStrokes, before: brushBefore } = editorSteps[step]);
  editorMoved = { name: "", at: 0 };
  editorDirty = true;
  repaint();
  drawEditor();
}

function changeEdit(change, words = "") {
  change();
  rememberEdit();
  drawEditor();
  sayEdit(words);
}

const placeIn = (event) => {
  const box = stage.getBoundingClientRect();
  return [clampShare((event.clientX - box.left) / box.width), clampShare((event.clientY - box.top) / box.height)];
};

function tellJoint(name) {
  const joint = jointNow[name];
  sayEdit(joint ? t("{joint}: {across} from the left, {down} from the top.", { joint: jointLabels[name], across: jointSay(joint.x), down: jointSay(joint.y) }) : "");
}

// The joint nearest to a finger; while one is being placed, others must be hit exactly.
function jointAt(event, reach) {
  const box = stage.getBoundingClientRect();
  const away = (name) => Math.hypot(clampShare(jointNow[name].x) * box.width + box.left - event.clientX, clampShare(jointNow[name].y) * box.height + box.top - event.clientY);
  const near = jointNames.filter((name) => jointNow[name] && away(name) <= reach);
  return near.sort((a, b) => away(a) - away(b))[0];
}

// Dragging: of a joint, of one that is just being placed, or of the brush.
let editorDrag = null;

function startDrag(event) {
  if (event.button || !event.isPrimary) return;
  const place = placeIn(event);
  if (editorMode === "outline") {
    brushAt = place;
    editorDrag = { stroke: beginStroke(place) };
    sheet.focus({ preventScroll: true });
  } else {
    const name = jointAt(event, jointNow[jointPicked] ? GRAB_PX : GRAB_WHILE_PLACING_PX);
    if (!name && jointNow[jointPicked]) return;
    jointPicked = name || jointPicked;
    editorDrag = { name: jointPicked, isNew: !name, moved: !name, from: place };
    if (editorDrag.isNew) putJoint(jointPicked, ...place);
    else editorDrag.offset = [jointNow[name].x - place[0], jointNow[name].y - place[1]];
  }
  event.preventDefault();
  stage.setPointerCapture(event.pointerId);
  drawEditor();
}

function goOnDrag(event) {
  const place = placeIn(event);
  if (editorMode === "outline") { brushAt = place; drawBrush(); }
  if (!editorDrag) return;
  if (editorDrag.stroke) {
    for (const one of event.getCoalescedEvents?.() || [event]) goOnStroke(editorDrag.stroke, placeIn(one));
    goOnStroke(editorDrag.stroke, place);
    drawSheet(sheet, editorPicture, TINTS.outline);
    return;
  }
  const [x, y] = editorDrag.offset ? [place[0] + editorDrag.offset[0], place[1] + editorDrag.offset[1]] : place;
  if (!editorDrag.moved && Math.hypot(place[0] - editorDrag.from[0], place[1] - editorDrag.from[1]) < 0.003) return;
  editorDrag.moved = true;
  putJoint(editorDrag.name, x, y);
  drawJoints();
  tellJoint(editorDrag.name);
}

function endDrag() {
  if (!editorDrag) return;
  const { name, isNew, moved } = editorDrag;
  if (!name || moved) rememberEdit();
  editorDrag = null;
  if (isNew) pickNextMissing();
  drawEditor();
  if (name && !isNew) find(`[data-joint="${CSS.escape(name)}"]`).focus({ preventScroll: true });
  if (name) tellJoint(name);
}

function onEditorKey(event) {
  if ((event.ctrlKey || event.metaKey) && /^[zy]$/i.test(event.key)) {
    event.preventDefault();
    return goToEdit(editorStep + (event.key.toLowerCase() === "y" || event.shiftKey ? 1 : -1));
  }
  const name = event.target.dataset?.joint;
  if (name) return onJointKey(event, name);
  if (event.target === sheet && editorMode === "outline") onBrushKey(event);
}

function onJointKey(event, name) {
  const joint = jointNow[name];
  if (ARROWS[event.key]) {
    event.preventDefault();
    const [across, down] = stepOf(event, editorAspect());
    const now = Date.now(), goesOn = editorMoved.name === name && now - editorMoved.at < SAME_MOVE_MS && editorStep > 0;
    putJoint(name, joint.x + across, joint.y + down);
    rememberEdit(goesOn);
    editorMoved = { name, at: now };
    drawEditor();
    tellJoint(name);
  } else if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    changeEdit(() => jointAsFound(name), t("{joint}: as found.", { joint: jointLabels[name] }));
    if (!jointNow[name]) find(".editor-pick").focus();
  } else if (event.key.toLowerCase() === "h" && !event.ctrlKey && !event.metaKey) {
    const words = jointNow[name].hidden ? t("{joint}: not hidden.", { joint: jointLabels[name] }) : t("{joint}: hidden.", { joint: jointLabels[name] });
    changeEdit(() => hideJoint(name), words);
  }
}

function onBrushKey(event) {
  if (ARROWS[event.key]) {
    const [across, down] = stepOf(event, editorAspect());
    brushAt = [clampShare(brushAt[0] + 2 * across), clampShare(brushAt[1] + 2 * down)];
    drawBrush();
    sayEdit(t("Brush at {across} from the left, {down} from the top.", { across: jointSay(brushAt[0]), down: jointSay(brushAt[1]) }));
  } else if (event.key === " " || event.key === "Enter") {
    changeEdit(() => beginStroke(brushAt), brushAdds ? t("Added.") : t("Erased."));
  } else if (event.key.toLowerCase() === "e") {
    brushAdds = !brushAdds;
    drawEditor();
    sayEdit(brushAdds ? t("The brush adds.") : t("The brush erases."));
  } else return;
  event.preventDefault();
}

function saveEdit() {
  if (props.value?.ref !== editorRef) return refuseEdit(t("Another picture stands here now. Cancel, and correct that one."));
  waitForPython();
  refuseEdit("");
  setOff("save", true);
  sayEdit(t("Looking at the corrected character."));
  trigger("correct", { ref: editorRef, joints: jointsToSend(), mask: paintToSend() });
}

const EDITS = {
  mode: (button) => setEditorMode(button.dataset.mode),
  brush: (button) => { brushAdds = button.dataset.brush === "add"; drawEditor(); },
  place: () => {
    changeEdit(() => putJoint(jointPicked, 0.5, 0.5), t("{joint}: in the middle of the picture.", { joint: jointLabels[jointPicked] }));
    find(`[data-joint="${CSS.escape(jointPicked)}"]`).focus();
  },
  hide: () => changeEdit(() => hideJoint(jointPicked)),
  "as-found": () => changeEdit(() => jointAsFound(jointPicked)),
  undo: () => goToEdit(editorStep - 1),
  redo: () => goToEdit(editorStep + 1),
  reset: () => changeEdit(() => { allJointsAsFound(); forgetPaint(); }, t("All as it was found. Save to keep it so.")),
  save: saveEdit,
  cancel: closeEditor,
};

editor.addEventListener("click", (event) => {
  const button = event.target.closest("[data-edit]");
  if (button && button.getAttribute("aria-disabled") !== "true") EDITS[button.dataset.edit](button);
});
editor.addEventListener("cancel", (event) => { // the key Esc
  event.preventDefault();
  if (editorDirty) sayEdit(t("What you changed is not saved: press Save or Cancel."));
  else closeEditor();
});
editor.addEventListener("keydown", onEditorKey);
for (const kind of ["paste", "dragenter", "dragover", "drop"]) editor.addEventListener(kind, (event) => event.stopPropagation());
find(".editor-joints").addEventListener("focusin", (event) => { jointPicked = event.target.dataset.joint; drawJoints(); });
find(".editor-pick").addEventListener("change", (event) => { jointPicked = event.target.value; drawJoints(); });
find(".editor-size").addEventListener("input", drawBrush);
stage.addEventListener("pointerdown", startDrag);
stage.addEventListener("pointermove", goOnDrag);
stage.addEventListener("pointerup", endDrag);
stage.addEventListener("pointercancel", endDrag);
find(".slot-correct").addEventListener("click", openEditor);

function onWayToJoints() {
  if (!element.isConnected) return document.removeEventListener("kling-correct", onWayToJoints);
  openEditor();
}
document.addEventListener("kling-correct", onWayToJoints);

watch("editor", onEditor);
watch("value", () => {
  if (!editor.open || !editorWaits) return;
  if (props.value?.instead_of === editorRef && !props.value.busy) closeEditor();
});
