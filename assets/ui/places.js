// Ways to other places of the page. Used along with another script, in its scope.
const stillness = window.matchMedia("(prefers-reduced-motion: reduce)");

function bringIntoView(node) {
  if (!node) return false;
  node.scrollIntoView({ block: "center", behavior: stillness.matches ? "auto" : "smooth" });
  const control = node.matches("button, input, textarea") ? node : node.querySelector("button:not([hidden]), input:not([type=file]), textarea");
  control?.focus({ preventScroll: true });
  return true;
}

const chooseEngine = (name) => document.querySelector(`#engine input[value="${name}"]`)?.click();
function choosePreview() { chooseEngine("preview"); bringIntoView(document.querySelector("#run")); }

// A repair is a button where the checks offer it, else the place of what it would mend.
const PLACES = { image: "#image-slot", video: "#video-slot", prompt: "#prompt", choice: "#orientation" };
function goToRepair(repair) {
  const offered = [...document.querySelectorAll("[data-repair]")].find((node) => node.dataset.repair === repair && node.offsetParent);
  return bringIntoView(offered) || goToPlace(repair.split(".")[0]);
}
// What the checks list of the first of these rules, unfolded; else the place of what it is about.
function goToFinding(rules, place) {
  const rows = rules.map((rule) => document.querySelector(`#findings .finding[data-rule="${CSS.escape(rule)}"]`));
  const row = rows.find((found) => found?.closest(".findings")?.offsetParent);
  if (!row) return goToPlace(place);
  for (const fold of [row.closest("details"), row.querySelector(".finding-more")]) if (fold) fold.open = true;
  row.scrollIntoView({ block: "center", behavior: stillness.matches ? "auto" : "smooth" });
  row.tabIndex = -1;
  row.focus({ preventScroll: true });
  return true;
}
const goToPlace = (place) => bringIntoView(document.querySelector(PLACES[place]));

async function goToToken() {
  chooseEngine("kling");
  for (let tries = 0; tries < 40; tries += 1) { // the field comes with the engine
    const field = document.querySelector("#token input") || document.querySelector("#token-line [data-do=forget]:not([hidden])");
    if (field?.offsetParent) { bringIntoView(field); return; }
    await new Promise((done) => { setTimeout(done, 100); });
  }
}
