// What to show of a file: the original, or a copy where not every browser shows the original. The server knows most of
// these files; whatever else this browser fails to show is asked for, too. Used along with another script, in its scope.
const ASK_AGAIN_MS = 600;
const TRIES_MAX = 2; // of a copy that this browser does not show; the first may have been removed meanwhile
const NOT_SHOWN = t("This browser cannot show a copy of this file either.");
const ASK_AGAIN_MOST_MS = 10_000; // while the app does not answer

// Tells every answer, {url, poster, words, failed, fps}, until there is an address or it has failed for good;
// `isMeant` says whether anybody still wants to know.
async function askWhatToShow(fileKind, url, isWanted, isMeant, tell) {
  const address = new URL(url.replace(/^files\//, `shown/${fileKind}/`), document.baseURI);
  if (isWanted) address.search = "?wanted=true";
  for (let pause = ASK_AGAIN_MS; element.isConnected && isMeant(); pause = Math.min(ASK_AGAIN_MOST_MS, pause * 1.2)) {
    let answer = null;
    try {
      const response = await fetch(address, { method: "POST" });
      if (response.ok) answer = await response.json();
      else if (response.status === 404) answer = { failed: true, words: t("This file is no longer kept here.") };
    } catch { /* the app is away for a moment */ }
    if (!element.isConnected || !isMeant()) return;
    if (answer) tell(answer);
    if (answer?.url || answer?.failed) return;
    await new Promise((done) => { setTimeout(done, pause); });
  }
}
