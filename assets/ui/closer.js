// Looking closer at results: the face over time beside the character's, the hands, three whole frames, and the moments
// at which a limb is farthest off. Asked for when it is unfolded. Runs before player.js, in its scope.
const closer = element.querySelector(".closer");
const closerBody = closer.querySelector(".closer-body");
let closerOf = ""; // the results that it shows, or will show once unfolded

function renderCloser({ results = [], image, reference }) {
  const rows = results.filter(({ src }) => src.startsWith("files/"));
  closer.hidden = !rows.length || !image;
  const key = rows.map(({ src }) => src).join(" ");
  if (key === closerOf && !closer.hidden) return;
  closerOf = key;
  closerBody.replaceChildren();
  closer.dataset.asked = "";
  if (closer.open && !closer.hidden) lookCloser();
}

async function lookCloser() {
  const { results = [], image, reference } = shown();
  if (closer.dataset.asked === closerOf) return;
  closer.dataset.asked = closerOf;
  closerBody.replaceChildren(...results.map((result, place) => {
    const section = make("section");
    if (results.length > 1) section.append(make("h2", "", nameOf(result, place)));
    section.append(make("p", "closer-words", t("Looking at faces, hands and limbs.")));
    fillCloser(section, result, { image: result.image || image, reference: result.reference || reference }, closerOf);
    return section;
  }));
}

async function fillCloser(section, result, inputs, of) {
  const address = new URL(result.src.replace(/^files\//, "closer/"), document.baseURI);
  for (const [name, url] of Object.entries(inputs)) if (url) address.searchParams.set(name, url.replace(/^files\//, ""));
  if (result.orientation) address.searchParams.set("orientation", result.orientation);
  let found = { words: t("It could not be fetched.") };
  try {
    const response = await fetch(address, { method: "POST" });
    if (response.ok) found = await response.json();
  } catch { closer.dataset.asked = ""; } // the app is away for a moment: folding and unfolding asks again
  if (!section.isConnected || closerOf !== of) return;
  section.querySelector(".closer-words").replaceWith(...closerParts(found, result.offset || 0));
}

function closerParts({ words, strips = [], worst }, offset) {
  const parts = strips.map((strip) => closerStrip(strip, offset));
  if (worst) parts.push(worstMoments(worst));
  if (words) parts.push(make("p", "closer-words", words));
  return parts;
}

function closerStrip({ kind, name, words, url, times_s = [], tile_px = [1, 1], beside }, offset) {
  const figure = make("figure", "closer-strip");
  figure.append(make("figcaption", "", name));
  const row = make("div", kind === "frames" ? "closer-tiles is-whole" : "closer-tiles");
  if (beside) {
    const still = make("span", "closer-tile is-character");
    still.append(Object.assign(make("img"), { src: beside, alt: t("The character's in the picture") }));
    row.append(still);
  }
  row.append(...times_s.map((at_s, place) => {
    const tile = make("button", "closer-tile");
    tile.type = "button";
    tile.style.aspectRatio = `${tile_px[0]} / ${tile_px[1]}`;
    tile.style.backgroundImage = `url("${url}")`;
    tile.style.backgroundSize = `${100 * times_s.length}% 100%`;
    tile.style.backgroundPosition = `${times_s.length > 1 ? (100 * place) / (times_s.length - 1) : 0}% 0`;
    tile.setAttribute("aria-label", t("{name} at {time}: go there", { name, time: `${(at_s + offset).toFixed(1)} s` }));
    tile.append(make("span", "closer-time", `${(at_s + offset).toFixed(1)} s`));
    tile.addEventListener("click", () => { stop(); seek(at_s + offset); });
    return tile;
  }));
  if (row.children.length) figure.append(row);
  if (words) figure.append(make("p", "closer-words", words));
  return figure;
}

function worstMoments({ name, words, moments = [] }) { // these are told in the reference's time already
  const figure = make("figure", "closer-strip");
  figure.append(make("figcaption", "", name));
  const row = make("div", "closer-moments");
  row.append(...moments.map(({ at_s, words: about }) => {
    const button = make("button", "quiet", t("{name}: {words}", { name: `${at_s.toFixed(1)} s`, words: about }));
    button.type = "button";
    button.addEventListener("click", () => { stop(); seek(at_s); });
    return button;
  }));
  if (moments.length) figure.append(row);
  if (words) figure.append(make("p", "closer-words", words));
  return figure;
}

closer.addEventListener("toggle", () => { if (closer.open) lookCloser(); });
