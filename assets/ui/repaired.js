// What repairs made of an input: what was done, what changed, how it looked before and after, and the way back.
// Event for Python: 'undo'.
let shownPicture = ""; // of the repair that was last shown; one that was just asked for opens by itself

function drawRepaired(repaired, unfolds = false) {
  const box = find(".slot-repaired");
  box.hidden = !repaired;
  if (!repaired) { shownPicture = ""; return; }
  box.querySelector(".repaired-head b").textContent = repaired.word;
  box.querySelector(".repaired-labels").textContent = repaired.labels.join(t("; "));
  const undo = box.querySelector("[data-do=undo]");
  undo.disabled = false;
  undo.setAttribute("aria-label", isVideo ? t("Undo the newest change of the clip") : t("Undo the newest change of the picture"));
  const list = box.querySelector("dl");
  list.replaceChildren();
  for (const [what, before, after] of repaired.changes) {
    const now = make("dd");
    now.append(make("s", "", before), make("span", "unseen", ` ${t("became")} `), " → ", make("b", "", after));
    list.append(make("dt", "", what), now);
  }
  const picture = box.querySelector("img");
  setSource(picture, repaired.picture || "");
  picture.alt = isVideo ? t("Moments of the clip before, above, and after, below") : t("The picture before, left, and after, right");
  box.querySelector("figure").hidden = !repaired.picture;
  box.querySelector("figcaption").textContent = isVideo ? t("Above before, with what was cut off dimmed; below after.") : t("Left before, with what was cut off dimmed; right after.");
  if (shownPicture !== repaired.picture) box.querySelector("details").open = unfolds;
  shownPicture = repaired.picture;
}
