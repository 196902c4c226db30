// What the checks found, worst first: the verdict, then each finding with what to do, a button that mends it, and what
// shows it. Event for Python: 'repair' with {kinds}.
const find = (selector) => element.querySelector(selector);
const SHOWN = 4; // besides what stops the run; the rest is folded
const opened = new Set(); // what a person has unfolded stays so when the list is drawn anew
const folded = new Set();
let drawn = "";

function row(finding, place, seen) {
  const item = make("li", `finding is-${finding.severity}`);
  const unfolding = more(finding, place);
  item.dataset.rule = finding.rule;
  if (finding.evidence?.picture) item.append(thumb(finding.evidence.picture, unfolding));
  const head = make("p", "finding-head");
  head.append(make("span", "finding-word", finding.word), ` ${finding.about}`);
  item.append(head, make("p", "finding-message", finding.message));
  if (finding.advice) item.append(make("p", "finding-advice", finding.advice));
  if (finding.repairs.length) item.append(repairButtons(finding.repairs, seen));
  if (finding.rule === "image.character") item.append(wayToJoints());
  item.append(unfolding);
  return item;
}

// A character that no detector finds can be drawn once a person says where its joints are.
function wayToJoints() {
  const button = make("button", "quiet", t("Place its joints"));
  button.type = "button";
  button.dataset.do = "place-joints";
  button.addEventListener("click", () => document.dispatchEvent(new CustomEvent("kling-correct")));
  return button;
}

function thumb(picture, unfolding) {
  const button = make("button", "finding-thumb");
  const image = make("img");
  button.type = "button";
  button.setAttribute("aria-label", t("Show what was seen"));
  image.src = picture;
  image.alt = "";
  button.append(image);
  button.addEventListener("click", () => { unfolding.querySelector("summary").click(); unfolding.querySelector("summary").focus(); });
  return button;
}

function repairButtons(repairs, seen) {
  const list = make("ul", "repairs");
  list.append(...repairs.map(({ repair, label, effect }, place) => {
    const item = make("li");
    const button = make("button", place ? "quiet" : "quiet strong", label);
    const words = make("span", "repair-effect", seen.has(repair) ? "" : effect); // once is enough
    seen.add(repair);
    button.type = "button";
    button.dataset.repair = repair;
    button.addEventListener("click", () => startMending([repair]));
    item.append(button, words);
    return item;
  }));
  return list;
}

function more({ rule, evidence, source, severity, repairs }, place) {
  const unfolding = make("details", "finding-more");
  unfolding.open = opened.has(rule) || (place === 0 && severity !== "hint" && Boolean(evidence?.picture || evidence?.curve) && !folded.has(rule));
  unfolding.append(make("summary", "", evidence ? t("What was seen, and the source") : t("Source")));
  if (evidence) unfolding.append(evidenceOf(evidence, repairs));
  if (source) unfolding.append(make("p", "finding-source", t("Source: {source}", { source })));
  unfolding.querySelector("summary").addEventListener("click", () => {
    (unfolding.open ? folded : opened).add(rule);
    (unfolding.open ? opened : folded).delete(rule);
  });
  return unfolding;
}

function render() {
  const { findings = [], repair_all = [], text = "", tone = "busy" } = props.value || {};
  const wanted = JSON.stringify([findings, repair_all, text, tone]);
  if (wanted !== drawn) drawList(findings, repair_all, text, tone);
  drawn = wanted;
  find(".findings").hidden = !findings.length && find(".repairing").hidden;
  for (const button of element.querySelectorAll("[data-repair], [data-do=all]")) button.disabled = isMending;
}

function drawList(findings, repair_all, text, tone) {
  const held = element.contains(document.activeElement) ? document.activeElement.dataset.repair : null;
  const blocks = findings.filter((finding) => finding.severity === "block").length;
  const weighty = findings.filter((finding) => finding.severity !== "hint").length;
  const shown = Math.max(blocks, Math.min(weighty, SHOWN));
  const seen = new Set(); // repairs whose effect is told already
  const rows = findings.map((finding, place) => row(finding, place, seen));
  const [list, rest] = element.querySelectorAll(".findings-list");
  list.replaceChildren(...rows.slice(0, shown));
  rest.replaceChildren(...rows.slice(shown));
  find(".findings-rest").hidden = rows.length <= shown;
  const count = rows.length - shown;
  find(".findings-rest summary").textContent = shown ? t("{count} more, of less weight", { count }) : t("{count} worth knowing", { count });
  find(".findings-verdict").textContent = text;
  find(".findings-verdict").hidden = !text || tone === "busy";
  find(".findings-verdict").dataset.tone = tone;
  find("[data-do=all]").hidden = repair_all.length < 2;
  if (held) element.querySelector(`[data-repair="${CSS.escape(held)}"]`)?.focus();
}

find("[data-do=all]").addEventListener("click", () => startMending(props.value?.repair_all || []));
wireMending();
watch("value", () => { onJudged(); render(); });
watch("repairing", onRepairing);
drawRepairing(props.repairing || {});
render();
