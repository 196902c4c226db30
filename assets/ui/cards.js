// Opening run cards: a card with its files, chosen or dropped anywhere on the page, is uploaded and shown as a replay.
// Event for Python: 'open_card' with the references of the uploads. Runs before player.js, in its scope.
const CARD_FILES_MAX = 12;
const cardInput = element.querySelector(".card-open input");
const cardWords = element.querySelector(".card-words");
const isCardFile = ({ name }) => name.toLowerCase().endsWith(".run.json");

async function sendCardFile(file) {
  const response = await fetch(new URL("./inputs", document.baseURI), {
    method: "POST", headers: { "X-File-Name": encodeURIComponent(file.name) }, body: file,
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer.ref;
  const words = answer.error || t("it did not arrive.");
  throw new Error(t("{name}: {words}", { name: file.name, words }));
}

async function openCard(files) {
  const card = files.find(isCardFile);
  if (!card) { cardWords.textContent = t("Choose a run card, a file that ends with .run.json, and its files with it."); return; }
  const others = files.filter((file) => !isCardFile(file)).slice(0, CARD_FILES_MAX);
  try {
    const refs = [];
    for (const [place, file] of [card, ...others].entries()) {
      cardWords.textContent = t("Sending file {number} of {count}.", { number: place + 1, count: others.length + 1 });
      refs.push(await sendCardFile(file));
    }
    cardWords.textContent = t("Opening the run card.");
    trigger("open_card", { card: refs[0], files: refs.slice(1) });
  } catch (error) {
    cardWords.textContent = error instanceof TypeError ? t("The app does not answer.") : error.message;
  }
}

function onCard({ detail }) {
  if (!element.isConnected) return document.removeEventListener("kling-card", onCard);
  openCard(detail.files);
}
document.addEventListener("kling-card", onCard);
element.querySelector("[data-do=card]").addEventListener("click", () => cardInput.click());
cardInput.addEventListener("change", () => { openCard([...cardInput.files]); cardInput.value = ""; });
watch("carded", () => {
  const { words, error } = props.carded || {};
  cardWords.textContent = error || words || "";
  if (words) element.querySelector(".player").scrollIntoView({ block: "nearest" });
});
