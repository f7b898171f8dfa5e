// The button that stops everything that moves or changes by itself (WCAG 2.2.2).

const button = document.querySelector("[data-live-pause]");
const callbacks = [];
let paused = false;

export function isPaused() {
  return paused;
}

export function onPause(callback) {
  callbacks.push(callback);
}

button.hidden = false;
button.addEventListener("click", () => {
  paused = !paused;
  button.textContent = paused ? "Go on" : "Pause";
  for (const callback of callbacks) callback(paused);
});
