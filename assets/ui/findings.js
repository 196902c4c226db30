// What the checks found, worst first: severity in words, message, advice, where the rule comes from.
function row(finding) {
  const item = document.createElement("li");
  item.className = `finding is-${finding.severity}`;
  item.dataset.rule = finding.rule;
  const line = (name, text) => {
    if (!text) return;
    const part = document.createElement("p");
    part.className = name;
    part.textContent = text;
    item.append(part);
  };
  const head = document.createElement("p");
  head.className = "finding-head";
  const word = document.createElement("span");
  word.className = "finding-word";
  word.textContent = finding.word;
  head.append(word, ` ${finding.about}`);
  item.append(head);
  line("finding-message", finding.message);
  line("finding-advice", finding.advice);
  line("finding-source", finding.source && `Source: ${finding.source}`);
  return item;
}

function render() {
  const { findings = [], shown = 4 } = props.value || {};
  const [list, rest] = element.querySelectorAll(".findings-list");
  const more = element.querySelector(".findings-rest");
  list.replaceChildren(...findings.slice(0, shown).map(row));
  rest.replaceChildren(...findings.slice(shown).map(row));
  more.hidden = findings.length <= shown;
  more.querySelector("summary").textContent = `${Math.max(0, findings.length - shown)} more`;
  element.querySelector(".findings").hidden = !findings.length;
}

watch("value", render);
render();
