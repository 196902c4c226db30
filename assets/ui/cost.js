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
  put(".cost-words", value.words);
  put(".cost-more", value.more);
  put(".cost-spent", value.spent);
  put(".cost-stop-words", value.stop);
  put(".cost-way", value.way_out);
  element.querySelector(".cost-stop").hidden = !value.stop;
}

element.querySelector("[data-do=preview]").addEventListener("click", () => choosePreview());
watch("value", render);
render();
