// Results without their names, in an order that chance chose, until a person has said which is best. Event for Python:
// 'vote' with {run_ids, preferred}, answered by the property 'voted'. Runs before player.js, in its scope.
let blind = null; // {of, order, told}: which results, in which order, and whether they are named by now
let votedOf = null; // the newest answer

const idsOf = (results) => results.map(({ run_id }) => run_id).join(" ");
const letterOf = (place) => String.fromCharCode(65 + place);

function shuffled(count) {
  const order = [...Array(count).keys()];
  for (let last = count - 1; last > 0; last -= 1) {
    const other = crypto.getRandomValues(new Uint32Array(1))[0] % (last + 1);
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

// What is shown, without all that tells whose it is; with other results the blind comparison is over.
function blindly(value) {
  const results = value.results || [];
  if (blind && (results.length < 2 || idsOf(results) !== blind.of)) setBlind(null);
  if (!blind) return value;
  const unnamed = t("Result");
  const named = blind.order.map((from, place) => ({
    ...results[from],
    label: blind.told ? t("{name}: {words}", { name: letterOf(place), words: results[from].label || unnamed }) : letterOf(place),
    score: blind.told ? results[from].score : null,
    pieces: blind.told ? results[from].pieces : [],
  }));
  return { ...value, results: named, label: "", remark: "", facts: [], score: null, result: "" };
}

function setBlind(now) {
  blind = now;
  document.documentElement.classList.toggle("is-blind", Boolean(now) && !now.told);
}

function startBlind() {
  const { results = [] } = props.value || {};
  if (results.length < 2) return;
  setBlind({ of: idsOf(results), order: shuffled(results.length), told: false });
  element.querySelector(".blind-words").textContent = t("The names are hidden and the order is chance. Which is better?");
  render();
  element.querySelector(".blind-choices button")?.focus({ preventScroll: true });
}

function endBlind() {
  setBlind(null);
  render();
  element.querySelector("[data-do=blind]").focus({ preventScroll: true });
}

const verdictOn = (letter, count) => (count > 2 ? t("{letter} is best", { letter }) : t("{letter} is better", { letter }));

function castVote(place) {
  const ids = blind.order.map((from) => props.value.results[from].run_id);
  for (const button of element.querySelectorAll(".blind-choices button")) button.disabled = true;
  trigger("vote", { run_ids: ids, preferred: place === null ? "" : ids[place] });
}

function choiceButton(words, place) {
  const button = make("button", "quiet", words);
  button.type = "button";
  button.addEventListener("click", () => castVote(place));
  return button;
}

// Called by render(): the button that begins, and the choices while names are hidden.
function drawBlind(value) {
  const count = (value.results || []).length;
  element.querySelector("[data-do=blind]").hidden = count < 2 || Boolean(blind);
  element.querySelector(".blind").hidden = !blind;
  const choices = element.querySelector(".blind-choices");
  choices.hidden = !blind || blind.told;
  if (choices.hidden) choices.replaceChildren();
  else if (choices.children.length !== count + 1) {
    choices.replaceChildren(
      ...Array.from({ length: count }, (_, place) => choiceButton(verdictOn(letterOf(place), count), place)),
      choiceButton(t("No difference"), null),
    );
  }
  element.querySelector("[data-do=unblind]").textContent = blind?.told ? t("Close") : t("Show the names without a vote");
}

function onVoted() {
  const { number, words, error } = props.voted || {};
  if (!number || number === votedOf || !blind) return;
  votedOf = number;
  element.querySelector(".blind-words").textContent = words || error;
  if (error) for (const button of element.querySelectorAll(".blind-choices button")) button.disabled = false;
  else setBlind({ ...blind, told: true });
  render();
}
