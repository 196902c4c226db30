// A row of ready pairs. Event for Python: 'pick' with {id}.
function button(example) {
  const item = document.createElement("li");
  const press = document.createElement("button");
  press.type = "button";
  press.className = "example";
  press.dataset.id = example.id;
  const pictures = document.createElement("span");
  pictures.className = "example-pictures";
  for (const url of [example.image, example.video]) {
    const node = document.createElement("img");
    Object.assign(node, { src: url, alt: "" });
    pictures.append(node);
  }
  const words = document.createElement("span");
  words.className = "example-title";
  words.textContent = example.title;
  press.append(pictures, words);
  press.addEventListener("click", () => trigger("pick", { id: example.id }));
  item.append(press);
  return item;
}

element.querySelector("ul").replaceChildren(...(props.value || []).map(button));
