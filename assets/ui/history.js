// Earlier runs of this visitor, newest first. Event for Python: 'open' with {run_id}.
function entry(run) {
  const item = document.createElement("li");
  const press = document.createElement("button");
  press.type = "button";
  press.className = "past";
  press.dataset.state = run.state;
  if (run.run_id === (props.value || {}).current) press.setAttribute("aria-current", "true");
  const picture = document.createElement("img");
  picture.src = run.image;
  picture.alt = "";
  picture.loading = "lazy";
  const words = document.createElement("span");
  words.className = "past-words";
  for (const [name, text] of [["past-title", run.title], ["past-about", run.about]]) {
    const line = document.createElement("span");
    line.className = name;
    line.textContent = text;
    words.append(line);
  }
  press.append(picture, words);
  press.addEventListener("click", () => trigger("open", { run_id: run.run_id }));
  item.append(press);
  return item;
}

function render() {
  const { runs = [] } = props.value || {};
  element.querySelector(".history").hidden = !runs.length;
  element.querySelector("ul").replaceChildren(...runs.map(entry));
}

watch("value", render);
render();
