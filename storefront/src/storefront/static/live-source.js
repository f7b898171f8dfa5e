// The connection of the page /live. It exists only while somebody can see the page, because each viewer costs requests.

import { isPaused, onPause } from "./live-pause.js";

const LONGEST_PAUSE_MS = 5000;
const SILENT_MS = 10_000; // the numbers arrive at least every few seconds
const WORDS = {
  waiting: "Connecting…", live: "Live", lost: "Connection lost, trying again…", nats: "NATS does not answer", paused: "Paused",
};
const place = document.querySelector("[data-live-state]");
let source = null;
let timer = null;
let pause = 500;
let state = "waiting";
let natsAnswers = true;
let heardAt = 0;

/** Call a handler for each server-sent event with its name. */
export function listen(handlers) {
  const open = () => {
    close();
    source = new EventSource("/live/platform");
    source.addEventListener("open", () => {
      pause = 500;
      hear();
    });
    source.addEventListener("error", () => {
      say("lost");
      // The browser connects again by itself, except after an answer that is an error, such as 503.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    });
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        hear();
        handle(JSON.parse(event.data));
      });
    }
  };
  const close = () => {
    clearTimeout(timer);
    source?.close();
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  onPause(() => say(state));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  // A process that hangs keeps its connections.
  setInterval(() => { if (state === "live" && !document.hidden && performance.now() - heardAt > SILENT_MS) say("lost"); }, 1000);
  say(state);
  if (!document.hidden) open();
}

export function showNats(answers) {
  natsAnswers = answers;
  say(state);
}

function hear() {
  heardAt = performance.now();
  say("live");
}

function say(newState) {
  state = newState;
  place.hidden = false;
  const shown = state !== "live" ? state : isPaused() ? "paused" : natsAnswers ? "live" : "nats";
  const text = place.querySelector("[data-live-state-text]");
  if (text.textContent === WORDS[shown]) return;
  place.dataset.liveState = shown;
  text.textContent = WORDS[shown];
}
