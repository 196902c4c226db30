// What the button would send, as JSON and as code; the token is always an environment variable. The JSON can be edited and
// used. Event for Python: 'fill' with {text}, answered by the property 'filled'.
const fold = element.querySelector(".code");
const tabs = element.querySelector(".code-tabs");
const copy = element.querySelector("[data-do=copy]");
const edit = element.querySelector("[data-do=edit]");
const form = element.querySelector(".code-edit");
const area = form.querySelector("textarea");
let chosen = 0;
let filledOf = null; // the newest answer
fold.ontoggle = () => { element.querySelector(".code-head").hidden = !fold.open; };

const say = (words) => { element.querySelector(".code-said").textContent = words || ""; };

function setEditing(on) {
  if (on) area.value = element.querySelector(".code-text").textContent;
  form.hidden = !on;
  element.querySelector(".code-text").hidden = on;
  edit.setAttribute("aria-expanded", String(on));
  if (on) area.focus();
  else edit.focus();
}

function choose(number, focus) {
  if (number !== chosen) { form.hidden = true; element.querySelector(".code-text").hidden = false; }
  const all = (props.value || {}).snippets || [];
  chosen = Math.min(Math.max(number, 0), Math.max(all.length - 1, 0));
  [...tabs.children].forEach((tab, index) => {
    tab.setAttribute("aria-selected", String(index === chosen));
    tab.tabIndex = index === chosen ? 0 : -1;
  });
  element.querySelector(".code-text").textContent = all[chosen]?.text || "";
  copy.textContent = t("Copy");
  edit.hidden = chosen > 0; // the first one is the JSON
  edit.setAttribute("aria-expanded", String(!form.hidden));
  if (focus) tabs.children[chosen]?.focus();
}

function render() {
  const all = (props.value || {}).snippets || [];
  fold.hidden = !all.length;
  const note = element.querySelector(".code-note");
  note.textContent = (props.value || {}).note || "";
  note.hidden = !note.textContent;
  tabs.replaceChildren(...all.map(({ label }) => {
    const tab = make("button", "code-tab", label);
    tab.type = "button";
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", "kl-code");
    return tab;
  }));
  choose(chosen);
}

tabs.addEventListener("click", (event) => {
  const tab = event.target.closest(".code-tab");
  if (tab) choose([...tabs.children].indexOf(tab));
});
tabs.addEventListener("keydown", ({ key }) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (step) choose((chosen + step + tabs.children.length) % tabs.children.length, true);
});
copy.addEventListener("click", async () => {
  const text = element.querySelector(".code-text");
  try {
    await navigator.clipboard.writeText(text.textContent);
    copy.textContent = t("Copied");
  } catch { // without a secure address there is no clipboard
    getSelection().selectAllChildren(text);
    copy.textContent = t("Selected");
  }
});
edit.addEventListener("click", () => { say(""); setEditing(form.hidden); });
form.querySelector("[data-do=leave]").addEventListener("click", () => { say(""); setEditing(false); });
form.addEventListener("submit", (event) => {
  event.preventDefault();
  trigger("fill", { text: area.value });
});
watch("filled", () => {
  const { number, words, is_fault } = props.filled || {};
  if (!number || number === filledOf) return; // Gradio repeats what was said last
  filledOf = number;
  say(words);
  if (!is_fault && !form.hidden) setEditing(false);
});
watch("value", render);
render();
