// A row of ready pairs. Event for Python: 'pick' with {id}.
function button(example) {
  const item = document.createElement("li");
  const press = document.createElement("button");
  press.type = "button";
  press.className = "example";
  press.dataset.id = example.id;
  const pictures = document.createElement("span");
  pictures.className = "example-pictures";
  for (const [tag, url] of [["img", example.image], ["video", example.video]]) {
    const node = document.createElement(tag);
    node.src = tag === "video" ? `${url}#t=0.5` : url;
    if (tag === "video") { node.muted = true; node.preload = "metadata"; node.playsInline = true; node.tabIndex = -1; }
    else node.alt = "";
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
