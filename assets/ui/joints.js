// The joints of a character as a person corrects them: found ones are dragged, missing ones placed, any marked hidden.
// A joint is {x, y, hidden, placed} in shares of the picture, or null where it is not known.
const JOINT_STEP = 0.004, JOINT_FAR = 0.025; // of the picture's longer side, a press of an arrow
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const jointSay = (share) => `${Math.round(100 * share)} %`;

let jointNames = []; // in the order in which they are best placed
let jointLabels = {};
let jointFound = {};
let jointBones = [];
let jointNow = {};
let jointPicked = "nose";

function loadJoints({ joints, bones }) {
  jointNames = joints.map(({ name }) => name);
  jointLabels = Object.fromEntries(joints.map(({ name, label }) => [name, label]));
  jointFound = Object.fromEntries(joints.map(({ name, found }) => [name, found]));
  jointNow = Object.fromEntries(joints.map(({ name, now }) => [name, now]));
  jointBones = bones;
  jointPicked = jointNames.find((name) => !jointNow[name]) || "left wrist";
  const holder = find(".editor-joints");
  holder.replaceChildren(...jointNames.map((name) => {
    const button = make("button", "editor-joint");
    button.type = "button";
    button.dataset.joint = name;
    return button;
  }));
  find(".editor-pick").replaceChildren(...jointNames.map((name) => Object.assign(make("option"), { value: name })));
  find(".editor-bones").replaceChildren(...bones.map(() => draw("line", { "vector-effect": "non-scaling-stroke" })));
}

function jointState(name) {
  const joint = jointNow[name];
  if (!joint) return t("not placed");
  if (joint.placed) return joint.hidden ? t("corrected by you, hidden") : t("corrected by you");
  return joint.hidden ? t("found, hidden") : t("found");
}

function drawJoints() {
  for (const button of find(".editor-joints").children) {
    const name = button.dataset.joint, joint = jointNow[name];
    button.hidden = !joint;
    if (!joint) continue;
    button.style.left = `${100 * Math.min(1, Math.max(0, joint.x))}%`;
    button.style.top = `${100 * Math.min(1, Math.max(0, joint.y))}%`;
    button.setAttribute("aria-label", t("{joint}, {state}, {across} from the left, {down} from the top", { joint: jointLabels[name], state: jointState(name), across: jointSay(joint.x), down: jointSay(joint.y) }));
    button.title = jointLabels[name];
    button.classList.toggle("is-placed", joint.placed);
    button.classList.toggle("is-hidden", joint.hidden);
    button.classList.toggle("is-picked", name === jointPicked);
    button.dataset.side = name.split(" ")[0];
  }
  [...find(".editor-bones").children].forEach((line, place) => {
    const [a, b] = jointBones[place].map((name) => jointNow[name]);
    line.style.display = a && b ? "" : "none";
    if (!a || !b) return;
    for (const [name, value] of Object.entries({ x1: a.x, y1: a.y, x2: b.x, y2: b.y })) line.setAttribute(name, value);
    line.classList.toggle("is-hidden", a.hidden || b.hidden);
    line.dataset.side = jointBones[place][1].split(" ")[0] === jointBones[place][0].split(" ")[0] ? jointBones[place][0].split(" ")[0] : "";
  });
  const pick = find(".editor-pick");
  for (const option of pick.children) option.textContent = t("{name}: {words}", { name: jointLabels[option.value], words: jointState(option.value) });
  pick.value = jointPicked;
  const picked = jointNow[jointPicked];
  find("[data-edit=place]").hidden = Boolean(picked);
  setOff("hide", !picked);
  find("[data-edit=hide]").setAttribute("aria-pressed", String(Boolean(picked?.hidden)));
  setOff("as-found", !picked?.placed);
  find(".editor-of-joints .editor-hint").textContent = picked ? t("Drag a joint, or move it with the arrow keys (with Shift farther).") : whereToPress(jointPicked);
}

// A character that faces the person has its left on the picture's right.
function whereToPress(name) {
  const joint = jointLabels[name].toLowerCase();
  if (name.startsWith("left")) return t("Press on the picture where the {joint} is: on the right of the picture if the character faces you.", { joint });
  if (name.startsWith("right")) return t("Press on the picture where the {joint} is: on the left of the picture if the character faces you.", { joint });
  return t("Press on the picture where the {joint} is.", { joint });
}

function putJoint(name, x, y) {
  jointNow = { ...jointNow, [name]: { x: clampShare(x), y: clampShare(y), hidden: jointNow[name]?.hidden || false, placed: true } };
}

const clampShare = (share) => Math.round(1e5 * Math.min(1, Math.max(0, share))) / 1e5;

function hideJoint(name) {
  const joint = jointNow[name];
  if (!joint) return;
  const same = jointFound[name] && jointFound[name].hidden === !joint.hidden && jointFound[name].x === joint.x && jointFound[name].y === joint.y;
  jointNow = { ...jointNow, [name]: { ...joint, hidden: !joint.hidden, placed: !same } };
}

function jointAsFound(name) {
  jointNow = { ...jointNow, [name]: jointFound[name] ? { ...jointFound[name], placed: false } : null };
}

function allJointsAsFound() {
  for (const name of jointNames) jointAsFound(name);
}

// The next one that is missing, so that one press after the other places a whole figure.
function pickNextMissing() {
  jointPicked = jointNames.slice(jointNames.indexOf(jointPicked)).find((name) => !jointNow[name]) || jointNames.find((name) => !jointNow[name]) || jointPicked;
}

// What Python takes: only what a person said, and of a joint that was only marked, no place.
function jointsToSend() {
  const sent = {};
  for (const name of jointNames) {
    const joint = jointNow[name], was = jointFound[name];
    if (!joint?.placed) continue;
    const isMarked = was && joint.hidden && was.x === joint.x && was.y === joint.y;
    sent[name] = isMarked ? { hidden: true } : { x: joint.x, y: joint.y, hidden: joint.hidden };
  }
  return sent;
}

function stepOf(event, aspect) {
  const [across, down] = ARROWS[event.key];
  const step = event.shiftKey ? JOINT_FAR : JOINT_STEP;
  return [across * step * Math.max(1, 1 / aspect), down * step * Math.max(1, aspect)];
}
