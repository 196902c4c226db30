// What is taken away of a run, by the buttons below it and their menu: made on the server, with progress and cancel, then downloaded. Events for
// Python: 'take' with {run_id, what, layout}, and 'stop_take'. Runs before player.js, in its scope.
const takeMenu = element.querySelector(".take");
const lists = [takeMenu, element.querySelector(".player-keys")]; // what folds out of the player
const takeProgress = element.querySelector(".take-progress");
let taking = ""; // the run of which something is being made

function renderTaken({ run_id, reference, result }) {
  takeMenu.hidden = !run_id;
  takeMenu.querySelectorAll("button").forEach((button) => { button.hidden = button.dataset.take !== "card" && !(result && reference); });
  if (taking && taking !== run_id) { trigger("stop_take", {}); endTaking(); }
}

function endTaking(words = "") {
  taking = "";
  takeProgress.hidden = true;
  note(words);
}

const takeWords = (press) => ({
  compare: t("Putting both clips into one file."),
  clear: t("Drawing it without the background."),
}[press.dataset.do] || t("Making: {what}", { what: press.textContent.trim() }));

element.querySelector(".player-actions").addEventListener("click", (event) => {
  const press = event.target.closest("[data-take]");
  if (!press) return;
  const { take: what, layout = "strip" } = press.dataset;
  if (takeMenu.contains(press)) {
    takeMenu.open = false;
    takeMenu.querySelector("summary").focus();
  }
  taking = props.value?.run_id || "";
  note("");
  takeProgress.hidden = false;
  takeProgress.querySelector("progress").removeAttribute("value");
  takeProgress.querySelector("span").textContent = takeWords(press);
  trigger("take", { run_id: taking, what, layout });
});
element.querySelector("[data-do=stop-take]").addEventListener("click", () => {
  trigger("stop_take", {});
  endTaking(t("Called off; nothing was kept."));
});
element.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && lists.find((list) => list.open && list.contains(document.activeElement));
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
  event.stopPropagation();
});
// A list that lies over the page goes with a press elsewhere, or once the focus is elsewhere.
const liesOver = ({ lastElementChild: list }) => getComputedStyle(list).position === "absolute";
function closeLists({ target }) {
  if (!element.isConnected) return document.removeEventListener("pointerdown", closeLists);
  for (const list of lists) if (list.open && !list.contains(target) && liesOver(list)) list.open = false;
}
document.addEventListener("pointerdown", closeLists);
for (const list of lists) list.addEventListener("focusout", ({ relatedTarget }) => { if (relatedTarget && list.open) closeLists({ target: relatedTarget }); });
watch("taken", () => {
  const { run_id, url, name, error, share, stopped } = props.taken || {};
  if (!run_id || run_id !== taking) return;
  if (share !== undefined) { if (share > 0) takeProgress.querySelector("progress").value = share; return; }
  endTaking(error || (stopped ? t("Called off; nothing was kept.") : ""));
  if (!url) return;
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
});
