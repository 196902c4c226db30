// What a run costs, what was spent so far, and what stands in the way.
function render() {
  const value = props.value || {};
  const put = (selector, text) => {
    const node = element.querySelector(selector);
    node.textContent = text || "";
    node.hidden = !text;
  };
  element.querySelector(".cost").dataset.tone = value.tone || "";
  element.querySelector(".cost").dataset.engine = value.engine || "preview";
  element.querySelector(".cost").toggleAttribute("data-stops", Boolean(value.stop));
  put(".cost-words", value.words);
  put(".cost-more", value.more);
  put(".cost-spent", value.spent);
  put(".cost-stop-words", value.stop);
  put(".cost-way", value.way_out);
  element.querySelector(".cost-stop").hidden = !value.stop;
  element.querySelector("[data-do=preview]").hidden = value.engine !== "kling" || Boolean(value.stops_all);
}

// What a run on Kling sends, and the text that goes along, as it will be sent.
function renderLeaves() {
  const { words = "", prompt = "", stops = false } = props.leaves || {};
  const line = element.querySelector(".cost-leaves");
  line.hidden = !words;
  line.classList.toggle("is-stop", stops);
  element.querySelector(".cost-leaves-words").textContent = words;
  const quote = element.querySelector(".cost-leaves-prompt");
  quote.textContent = quote.title = prompt;
  quote.hidden = element.querySelector("[data-do=edit]").hidden = stops;
}

element.querySelector("[data-do=edit]").addEventListener("click", () => goToPlace("prompt"));
element.querySelector("[data-do=preview]").addEventListener("click", () => choosePreview());
watch("value", render);
watch("leaves", renderLeaves);
render();
renderLeaves();
