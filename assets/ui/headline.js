// One sentence beside the button: whether it can be pressed, and if not, why not.
const more = element.querySelector(".headline-more");
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

function render() {
  const { tone = "busy", text = "", count = 0 } = props.value || {};
  element.querySelector(".headline").dataset.tone = tone;
  element.querySelector(".headline-words").textContent = text;
  more.hidden = !count;
  document.querySelector("#run")?.setAttribute("aria-describedby", "kl-headline");
}

more.addEventListener("click", () => {
  document.querySelector("#findings")?.scrollIntoView({ block: "center", behavior: calm.matches ? "auto" : "smooth" });
});

watch("value", render);
render();
