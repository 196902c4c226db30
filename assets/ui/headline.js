// One sentence beside the button: whether it can be pressed, and if not, why not.
const more = element.querySelector(".headline-more");
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

function render() {
  const { tone = "busy", text = "", more: words = "", stop = "" } = props.value || {};
  element.querySelector(".headline").dataset.tone = tone;
  element.querySelector(".headline-words").textContent = text;
  element.querySelector(".headline-words").title = text; // two lines of it are shown
  more.textContent = words;
  more.hidden = !words;
  const run = document.querySelector("#run");
  run?.setAttribute("aria-describedby", "kl-headline");
  if (run && stop) run.dataset.stop = stop; // shown below its own words
  else run?.removeAttribute("data-stop");
}

more.addEventListener("click", () => {
  document.querySelector("#findings")?.scrollIntoView({ block: "start", behavior: calm.matches ? "auto" : "smooth" });
});

watch("value", render);
render();
