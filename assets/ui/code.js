// What the button would send, as JSON and as code; the token is always an environment variable.
const fold = element.querySelector(".code");
const tabs = element.querySelector(".code-tabs");
const copy = element.querySelector("[data-do=copy]");
let chosen = 0;
fold.ontoggle = () => { element.querySelector(".code-head").hidden = !fold.open; };

function choose(number, focus) {
  const all = (props.value || {}).snippets || [];
  chosen = Math.min(Math.max(number, 0), Math.max(all.length - 1, 0));
  [...tabs.children].forEach((tab, index) => {
    tab.setAttribute("aria-selected", String(index === chosen));
    tab.tabIndex = index === chosen ? 0 : -1;
  });
  element.querySelector(".code-text").textContent = all[chosen]?.text || "";
  copy.textContent = t("Copy");
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
watch("value", render);
render();
