// Words in the page's language. `window.klingWords` has them by the English ones; it is absent on an English page, and a
// sentence that it lacks stays English. Runs first in every widget, in its scope.
const LOCALES = window.klingWords ? document.documentElement.lang : []; // of dates: on an English page the browser's own
const BETWEEN = window.klingWords ? "" : " "; // between two sentences
const WORDED = "aria-label alt placeholder title".split(" "); // attributes that people read or hear

function t(sentence, values = {}) {
  const words = window.klingWords?.[sentence] || sentence;
  return words.replace(/\{(\w+)\}/g, (hole, name) => (name in values ? String(values[name]) : hole));
}

// The texts of a template, before anything of a person stands among them.
function translateTemplate(root) {
  if (!window.klingWords) return;
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const words = texts.currentNode.data.trim();
    if (words) texts.currentNode.data = texts.currentNode.data.replace(words, () => t(words));
  }
  for (const name of WORDED)
    for (const node of root.querySelectorAll(`[${name}]`)) node.setAttribute(name, t(node.getAttribute(name)));
}
translateTemplate(element);
