// What a person wants of an input though no finding calls for it: a part of its time, a crop, a turn. Events for Python:
// 'adjust' with {input, press} and {span}, {box} or {turns}; 'stop' with {press}. The way back is the undo of repairs.
const adjust = { press: null, isOn: false, from: null };

// What was pressed is switched off, or hidden, while its work is done, and loses the focus: it gets it back, or else what
// stands beside it.
function keepFocus(button) {
  adjust.from = { button, of: adjust.of };
}

function giveFocusBack() {
  const { button, of } = adjust.from || {};
  const held = document.activeElement;
  if (!button || adjust.isOn || find(".adjust").hidden) return;
  if (of !== adjust.of) adjust.from = null; // nothing more comes
  if (held !== document.body && held !== find("[data-adjust=stop]")) return;
  const isThere = button.checkVisibility() && !button.disabled;
  (isThere ? button : find(".adjust [data-adjust=crop]")).focus({ preventScroll: true });
}

function startAdjust(what) {
  if (adjust.isOn) return;
  adjust.press = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`; // absent on plain http
  drawAdjusting({ state: "running", words: t("Starting"), share: null });
  trigger("adjust", { input: kind, press: adjust.press, ...what });
}

function drawAdjusting({ state = "", words = "", share = null }) {
  adjust.isOn = state === "running";
  const isMeasured = adjust.isOn && share !== null;
  const text = isMeasured ? t("{one}, {other}", { one: words, other: `${Math.round(100 * share)} %` }) : words;
  show(find(".adjust-state"), Boolean(words));
  find(".adjust-state").dataset.state = state;
  const line = find(".adjust-words");
  if (line.textContent !== text) line.textContent = text;
  const stop = find("[data-adjust=stop]");
  stop.hidden = !adjust.isOn;
  if (!adjust.isOn) stop.disabled = false;
  const held = document.activeElement;
  if (adjust.isOn && held !== stop && held.matches("[data-adjust]") && element.contains(held)) {
    keepFocus(held);
    stop.focus({ preventScroll: true });
  }
  for (const button of element.querySelectorAll("[data-adjust]:not([data-adjust=stop])")) button.disabled = adjust.isOn;
  if (cropBox) paintCrop();
  giveFocusBack();
}

// Of what stands here; with another file, what was being chosen of the one before is over.
function drawAdjust(value) {
  const isReady = Boolean(value.ref && value.size_px && !value.busy);
  show(find(".adjust"), isReady);
  if (isReady) find(".slot").dataset.sizePx = value.size_px.join(" ");
  else delete find(".slot").dataset.sizePx;
  if (adjust.of === value.ref && isReady) return giveFocusBack();
  adjust.of = value.ref;
  if (cropBox) toggleCrop(false);
  if (!adjust.isOn) drawAdjusting({});
}

const adjustDeeds = {
  crop: () => toggleCrop(),
  left: () => startAdjust({ turns: 1 }),
  right: () => startAdjust({ turns: 3 }),
  "keep-crop": () => startAdjust({ box: cropBox }),
  "keep-trim": () => startAdjust({ span: [trim.start_s, trim.end_s] }),
  "reset-trim": () => { drawTrim(trim.duration_s); trimHandle("start").focus(); },
  stop: () => { find("[data-adjust=stop]").disabled = true; trigger("stop", { press: adjust.press }); },
};

function wireAdjust() {
  wireCrop();
  find(".adjust").setAttribute("aria-label", isVideo ? t("Adjust the clip") : t("Adjust the picture"));
  element.addEventListener("click", (event) => adjustDeeds[event.target.closest("[data-adjust]")?.dataset.adjust]?.());
  watch("adjusting", () => drawAdjusting(props.adjusting || {}));
}
