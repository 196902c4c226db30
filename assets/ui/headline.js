// One sentence beside the button: whether it can be pressed, and if not, why not.
const more = element.querySelector(".headline-more");
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

const uploads = { image: null, video: null }; // shares of what is on its way, 0-1

function verdict() {
  const [kind, share] = Object.entries(uploads).find(([, one]) => one !== null) || [];
  if (!kind) return props.value || {};
  const tens = 10 * Math.floor(10 * share); // it is read out whenever it changes
  return { tone: "busy", text: kind === "image" ? ofPicture(tens) : ofClip(tens) };
}

const ofPicture = (percent) => (percent ? t("Uploading the picture, {percent} %.", { percent }) : t("Uploading the picture."));
const ofClip = (percent) => (percent ? t("Uploading the clip, {percent} %.", { percent }) : t("Uploading the clip."));

function onUpload({ detail }) {
  if (!element.isConnected) return document.removeEventListener("kling-upload", onUpload);
  if (uploads[detail.kind] === detail.share) return;
  uploads[detail.kind] = detail.share;
  render();
}

function render() {
  const { tone = "busy", text = "", more: words = "", stop = "" } = verdict();
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

document.addEventListener("kling-upload", onUpload);
watch("value", render);
render();
