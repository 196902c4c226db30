// The view for the stage: panes as large as the screen, no controls, keys only. Runs before player.js, in its scope.
const isPresenting = () => element.querySelector(".player").classList.contains("is-presenting");

function present() {
  const player = element.querySelector(".player");
  if (isPresenting()) {
    if (document.fullscreenElement) document.exitFullscreen();
    enlarge(false);
    return;
  }
  player.classList.add("is-presenting");
  if (document.fullscreenElement) enlarge(true);
  else fullScreen();
  player.focus({ preventScroll: true });
}
