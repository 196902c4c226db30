// Who has logged in, or where to. Event for Python: 'returned' when the person comes back from a login in another tab.
const get = (selector) => element.querySelector(selector);
const link = get("a");
const isFramed = window.self !== window.top;
let isAway = false;

function render() {
  const value = props.value;
  get(".account").hidden = !value;
  const name = (value || {}).name;
  get(".account-out").hidden = Boolean(name);
  get(".account-in").hidden = !name;
  get(".account-name").textContent = name || "";
  if (name) isAway = false;
}

function say() {
  const address = new URL(location.href);
  const words = (props.login_words || {})[address.searchParams.get("login")];
  if (typeof words !== "string") return;
  get(".account-note").textContent = words;
  get(".account-note").hidden = false;
  address.searchParams.delete("login");
  history.replaceState(history.state, "", address);
}

link.href = props.login_url;
if (isFramed) Object.assign(link, { target: "_blank", rel: "noopener" }); // in a frame the provider shows nothing
link.addEventListener("click", () => {
  if (!isFramed || isAway) return;
  isAway = true;
  const look = () => {
    if (!isAway || !element.isConnected) return window.removeEventListener("focus", look);
    trigger("returned", {});
  };
  window.addEventListener("focus", look);
});
// What the browser keeps of the person goes with them: inputs, and the id of runs made before the login.
get("form").addEventListener("submit", () => {
  for (const key of ["kling_ui.visitor", "kling_ui.inputs", "kling_ui.engine", "kling_ui.gallery", "kling_ui.view"]) localStorage.removeItem(key);
});

watch("value", render);
render();
say();
