// Keyboard and connection: nothing that has the focus stays behind the bar with the button, radios are one stop each and
// answer arrow keys, and a server that is gone is said at once.
const BEAT_MS = 5000; // between two questions whether the server is there
const WAIT_MS = 4000; // after which it is taken to be gone
const CLEAR_PX = 16; // between what has the focus and the bar

const words = element.querySelector(".headline-gone");
let isGone = false;
// Whether the button was pressed while the server was gone; Gradio may load the page anew when it is back.
const unanswered = {
  get: () => sessionStorage.getItem("kling_ui.unanswered") === "yes",
  set: (on) => (on ? sessionStorage.setItem("kling_ui.unanswered", "yes") : sessionStorage.removeItem("kling_ui.unanswered")),
};
let beat = null;

function uncover(event) {
  if (!element.isConnected) return document.removeEventListener("focusin", uncover);
  const action = document.querySelector("#action");
  if (!action || action.contains(event.target) || !event.target.matches(":focus-visible")) return;
  const [box, cover] = [event.target.getBoundingClientRect(), action.getBoundingClientRect()];
  const isBeside = box.right <= cover.left || box.left >= cover.right || box.top >= cover.bottom;
  if (!isBeside && box.bottom > cover.top - CLEAR_PX) window.scrollBy(0, box.bottom - cover.top + CLEAR_PX);
}

// Gradio gives each radio a name of its own, so that the browser takes none of them for a group.
function nameRadios() {
  for (const group of document.querySelectorAll("#engine, #orientation, #resolution"))
    for (const radio of group.querySelectorAll("input[type=radio]")) if (radio.name !== group.id) radio.name = group.id;
}

async function ask() {
  if (!element.isConnected) return clearInterval(beat);
  if (document.hidden) return;
  try {
    const answer = await fetch(new URL("./health", document.baseURI), { cache: "no-store", signal: AbortSignal.timeout(WAIT_MS) });
    tell(!answer.ok);
  } catch { tell(true); }
}

function tell(gone) {
  if (gone === isGone && !(unanswered.get() && !gone)) return;
  isGone = gone;
  words.hidden = !gone && !unanswered.get();
  words.textContent = gone
    ? t("The app does not answer, so nothing that is pressed now starts anything. It is asked again every few seconds.")
    : t("The app answers again. What was pressed meanwhile started nothing: press it once more.");
  if (!gone) unanswered.set(false);
}

function pressed(event) {
  if (!element.isConnected) return document.removeEventListener("click", pressed, true);
  if (!event.target.closest?.("#run")) return;
  if (isGone) unanswered.set(true);
  else { words.hidden = true; ask().then(() => { if (isGone) unanswered.set(true); }); }
}

document.addEventListener("focusin", uncover);
document.addEventListener("focusin", nameRadios);
document.addEventListener("click", pressed, true);
window.addEventListener("offline", ask);
window.addEventListener("online", ask);
new MutationObserver(nameRadios).observe(document.querySelector("#columns") || document.body, { childList: true, subtree: true });
nameRadios();
ask();
beat = setInterval(ask, BEAT_MS);
