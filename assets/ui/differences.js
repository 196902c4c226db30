// Runs that were chosen are shown beside each other in the player; here stands in what they differ.
// Event for Python: 'compare' with {run_ids}.
const CHOSEN_MIN = 2;
const CHOSEN_MAX = 4;
const chosen = new Map(); // the cards of the runs that were chosen, by id, in the order of choosing
const differences = element.querySelector(".differences");
let comparedOf = null;

function choose(card, isChosen) {
  if (isChosen) chosen.set(card.run_id, card);
  else chosen.delete(card.run_id);
  drawChosen();
}

function drawChosen() {
  const bar = element.querySelector(".gallery-chosen");
  bar.hidden = !chosen.size;
  const words = chosen.size < CHOSEN_MIN ? t("1 run chosen: choose one to three more.") : t("{count} runs chosen.", { count: chosen.size });
  bar.querySelector("p").textContent = chosen.size ? words : "";
  bar.querySelector("[data-do=compare-runs]").disabled = chosen.size < CHOSEN_MIN;
  for (const box of element.querySelectorAll(".tile-choose input")) {
    box.checked = chosen.has(box.value);
    box.disabled = !box.checked && chosen.size >= CHOSEN_MAX;
  }
}

// While several runs are shown, what is told of a single one makes room.
function showDifferences(isShown) {
  differences.hidden = !isShown;
  element.querySelector(".history").classList.toggle("is-comparing", isShown);
}

function clearChosen() {
  chosen.clear();
  drawChosen();
}

function row(tag, [name, ...values]) {
  const line = make("tr");
  const head = make("th", "", name);
  head.scope = "row";
  line.append(head, ...values.map((value) => {
    const cell = make(tag, "", value);
    if (tag === "th") cell.scope = "col";
    return cell;
  }));
  return line;
}

function drawDifferences() {
  const { number, names = [], rows = [] } = props.compared || {};
  if (!number || number === comparedOf) return;
  comparedOf = number;
  differences.querySelector("thead").replaceChildren(row("th", [t("Run"), ...names]));
  differences.querySelector("tbody").replaceChildren(...rows.map((values) => row("td", values)));
  differences.querySelector(".differences-none").hidden = rows.length > 0;
  showDifferences(true);
  document.querySelector("#player")?.scrollIntoView({ block: "start", behavior: stillness.matches ? "auto" : "smooth" });
}

function wireDifferences() {
  element.querySelector(".gallery-chosen").addEventListener("click", ({ target }) => {
    const deed = target.closest("[data-do]")?.dataset.do;
    if (deed === "compare-runs") trigger("compare", { run_ids: [...chosen.keys()] });
    if (deed === "clear-chosen") clearChosen();
  });
  differences.querySelector("[data-do=close]").addEventListener("click", () => {
    const [first] = chosen.keys();
    showDifferences(false);
    clearChosen();
    element.querySelector(first ? `[data-run="${first}"] .past` : ".tile .past")?.focus({ preventScroll: true });
    trigger("open", { run_id: props.value?.current || "" }); // what was shown before
  });
  watch("compared", drawDifferences);
}
