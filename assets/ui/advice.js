// Which orientation suits the clip. Event for Python: 'choose' with {orientation}.
const line = element.querySelector(".advice");
const use = element.querySelector("button");

function render() {
  const { words = "", use: other = "", use_words = "", is_clear = false } = props.value || {};
  line.hidden = !words;
  line.classList.toggle("is-clear", is_clear);
  element.querySelector(".advice-words").textContent = words;
  use.hidden = !other;
  use.textContent = use_words;
}

use.addEventListener("click", () => trigger("choose", { orientation: props.value?.use }));
watch("value", render);
render();
