// Stands for a visitor's token that is kept, or says whose token pays. Events for Python: 'forget', and 'stale' when it may have been wiped.
const MARGIN_MS = 1000;
const line = element.querySelector(".token-line");
const forget = element.querySelector("[data-do=forget]");
let timer = null;
let isKept = false;

function words({ kept_s, error, words: said }) {
  if (error) return error;
  if (!kept_s) return said || "";
  const until = new Date(Date.now() + kept_s * 1000).toLocaleTimeString(LOCALES, { hour: "2-digit", minute: "2-digit" });
  return t("Your token is kept in memory for this browser's runs. It is wiped at {until} unless it is used before.", { until });
}

function render() {
  const value = props.value || {};
  const text = words(value);
  clearTimeout(timer);
  line.hidden = !text;
  line.classList.toggle("is-refused", Boolean(value.error));
  element.querySelector(".token-words").textContent = text;
  forget.hidden = !value.kept_s && !(value.error && value.app_token);
  forget.textContent = value.error ? t("Use the app's own") : t("Forget it");
  if (value.kept_s && !isKept) document.dispatchEvent(new CustomEvent("kling-token")); // what waited for it goes on
  isKept = Boolean(value.kept_s);
  if (value.kept_s) timer = setTimeout(() => element.isConnected && trigger("stale", {}), value.kept_s * 1000 + MARGIN_MS);
}

forget.addEventListener("click", () => trigger("forget", {}));
watch("value", render);
render();
