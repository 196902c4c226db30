// A quiet line of plain text.
function render() {
  const line = element.querySelector(".note");
  line.textContent = props.value || "";
  line.hidden = !props.value;
}

watch("value", render);
render();
