// From a finished preview to the same request on Kling: the first press shows the price and what would be sent, the
// second one starts it. Events for Python: 'price' with {run_id}, 'onward' with {run_id, rate_usd, model}.
const onwardPart = (selector) => element.querySelector(`.onward ${selector}`);
let onwardRun = null;

function say(node, words) {
  node.textContent = words || "";
  node.hidden = !words;
}

function drawOnward() {
  const { run_id, can_go_to_kling } = props.value?.about || {};
  element.querySelector(".onward").hidden = !can_go_to_kling;
  if (run_id === onwardRun) return;
  onwardRun = run_id;
  closeOffer();
}

function closeOffer() {
  onwardPart(".onward-offer").hidden = true;
  const press = onwardPart("[data-do=price]");
  press.hidden = press.disabled = false;
  say(onwardPart(".onward-words"), t("Happy with the preview?"));
}

function drawOffer() {
  const offer = props.offer || {};
  if (!offer.run_id || offer.run_id !== onwardRun) return;
  const hadFocus = document.activeElement === document.body; // a button that is disabled loses it
  onwardPart("[data-do=price]").hidden = true;
  say(onwardPart(".onward-words"), t("The same picture, clip and options on Kling"));
  say(onwardPart(".onward-price strong"), offer.words);
  say(onwardPart(".onward-price span"), [offer.more, offer.spent].filter(Boolean).join(BETWEEN));
  say(onwardPart(".onward-more"), offer.leaves);
  say(onwardPart(".onward-stop"), [offer.stop, offer.way_out].filter(Boolean).join(BETWEEN));
  const go = onwardPart("[data-do=onward]");
  say(go, offer.stop ? "" : offer.label);
  go.disabled = false;
  onwardPart("[data-do=enter-token]").hidden = !offer.wants_token;
  onwardPart(".onward-offer").hidden = false;
  const next = offer.wants_token ? "enter-token" : offer.stop ? "later" : "onward";
  if (hadFocus) onwardPart(`[data-do=${next}]`).focus();
}

const onwardDeeds = {
  price: (press) => { press.disabled = true; say(onwardPart(".onward-words"), t("Asking for the price.")); trigger("price", { run_id: onwardRun }); },
  onward: (press) => { press.disabled = true; trigger("onward", { run_id: onwardRun, rate_usd: props.offer?.rate_usd, model: props.offer?.model }); },
  "enter-token": () => goToToken(),
  later: () => { closeOffer(); onwardPart("[data-do=price]").focus(); },
};

// The price that could not be shown for want of a token is asked for once there is one.
function onToken() {
  if (!element.isConnected) return document.removeEventListener("kling-token", onToken);
  const isWaiting = props.offer?.wants_token && props.offer.run_id === onwardRun && !onwardPart(".onward-offer").hidden;
  if (isWaiting) trigger("price", { run_id: onwardRun });
}

function wireOnward() {
  document.addEventListener("kling-token", onToken);
  element.querySelector(".onward").addEventListener("click", ({ target }) => {
    const press = target.closest("[data-do]");
    onwardDeeds[press?.dataset.do]?.(press);
  });
  watch("offer", drawOffer);
}
