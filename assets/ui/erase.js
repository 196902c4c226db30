// Deleting all that is kept of this visitor, asked twice. Events for Python: 'erase', and 'erased' once it is done.
const erasePart = (selector) => element.querySelector(`.history-erase ${selector}`);
let eraseTold = null; // the newest answer

function askToErase(open) {
  erasePart(".about-sure").hidden = !open;
  erasePart("[data-erase=ask]").setAttribute("aria-expanded", String(open));
  if (open) erasePart("[data-erase=keep]").focus();
}

const eraseDeeds = {
  ask: () => askToErase(erasePart(".about-sure").hidden),
  keep: () => { askToErase(false); erasePart("[data-erase=ask]").focus(); },
  sure: () => {
    erasePart("[data-erase=sure]").disabled = true;
    erasePart(".erase-note").textContent = t("Deleting it.");
    trigger("erase");
  },
};

function wireErase() {
  element.querySelector(".history-erase").addEventListener("click", (event) => eraseDeeds[event.target.closest("[data-erase]")?.dataset.erase]?.());
  watch("told_erased", () => {
    const told = props.told_erased;
    if (!told || told.number === eraseTold) return; // Gradio repeats what a handler said last
    eraseTold = told.number;
    erasePart("[data-erase=sure]").disabled = false;
    askToErase(false);
    erasePart(".erase-note").textContent = told.words;
    erasePart("[data-erase=ask]").focus();
    if (!told.done) return;
    trigger("open", { run_id: "" });
    trigger("erased");
  });
}
