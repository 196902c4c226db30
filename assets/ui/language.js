// In which language the page speaks: kept in a cookie, because the server puts the words into the page.
function chooseLanguage(language) {
  // In a frame of another site browsers keep only cookies that say so.
  const where = window.self === window.top ? "SameSite=Lax" : "SameSite=None; Partitioned";
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `kling_ui_language=${language}; Path=/; Max-Age=31536000; ${where}${secure}`;
  location.reload();
}

for (const button of element.querySelectorAll("[data-language]")) {
  const isSpoken = button.dataset.language === (document.documentElement.lang || "en");
  button.setAttribute("aria-pressed", String(isSpoken));
  button.addEventListener("click", () => isSpoken || chooseLanguage(button.dataset.language));
}
