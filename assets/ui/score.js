// How well the result follows: what it means, the figures, limb by limb. Runs before player.js, in its scope.
function cell(tag, text, scope) {
  const node = make(tag, "", text);
  if (scope) node.scope = scope;
  return node;
}

function limbRow(limb) {
  const row = make("tr");
  row.append(cell("th", limb.name, "row"), ...[limb.error, limb.within, limb.compared, limb.note].map((text) => cell("td", text)));
  return row;
}

function figureRow([name, text]) {
  const row = make("div");
  row.append(cell("dt", name), cell("dd", text));
  return row;
}

function renderScore(value) {
  scored = value || {};
  const tell = (selector, text) => {
    const node = element.querySelector(selector);
    node.textContent = text || "";
    node.hidden = !text;
  };
  element.querySelector(".score").hidden = !value;
  tell(".score-words", scored.words);
  tell(".score-meaning", scored.meaning);
  element.querySelector(".score-more").hidden = !(scored.limbs || []).length;
  element.querySelector(".score-figures").replaceChildren(...(scored.figures || []).map(figureRow));
  element.querySelector(".score tbody").replaceChildren(...(scored.limbs || []).map(limbRow));
  drawTimeline();
}
