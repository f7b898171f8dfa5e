// Receives what changes, as server-sent events, and tells the modules of the page.
//
// All pages of one browser share one connection: the page that holds the lock receives, and passes everything on to the
// others. When it is closed, another page gets the lock.

import { NoAnswer } from "./api.js";
import { show } from "./forms.js";
import { hasInput, refresh, retryPause } from "./fresh.js";

const EVENTS = ["ticket", "order", "listing", "reset"];
const SILENCE_MS = 3000; // shorter interruptions are not worth a word
const channel = new BroadcastChannel("shop");
let source = null;
let position = document.body.dataset.position;
let lostSince = null;
let isLeader = false;

const me = String(Math.random());

// Browsers offer locks to secure pages only (https, or this machine). Elsewhere, each page has its own connection.
if (navigator.locks) navigator.locks.request("shop:live", () => new Promise(lead));
else lead();

function lead() {
  isLeader = true;
  connect();
}

function connect() {
  source?.close();
  source = new EventSource(`/live/events?since=${position}`);
  source.addEventListener("open", () => tell("connected", {}));
  source.addEventListener("error", () => {
    tell("lost", {});
    // The browser connects again by itself, except after an answer that is an error, such as 503.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, retryPause());
  });
  for (const name of EVENTS) {
    source.addEventListener(name, (event) => {
      position = event.lastEventId || position;
      tell(name, JSON.parse(event.data));
    });
  }
}

function tell(name, detail) {
  channel.postMessage({ name, detail });
  receive(name, detail);
}

function receive(name, detail) {
  if (name === "connected") connected();
  else if (name === "lost") lost();
  else if (name === "reset") startAnew();
  else if (name === "joined") welcome(detail.page);
  else if (name === "welcome") { if (detail.page === me) refresh(); }
  else if (name === "session") {
    if (isLeader) connect();
    showReader();
  }
  else document.dispatchEvent(new CustomEvent(`shop:${name}`, { detail }));
}

channel.addEventListener("message", ({ data }) => receive(data.name, data.detail));
channel.postMessage({ name: "joined", detail: { page: me } });

/** A new page has opened. It was read before it could listen, so it loads its present state now. */
function welcome(page) {
  if (isLeader) channel.postMessage({ name: "welcome", detail: { page } });
}

function connected() {
  if (lostSince !== null) refresh();
  lostSince = null;
  show(document.getElementById("connection"), "");
  const isOver = ({ textContent }) => textContent === NoAnswer.TRY_AGAIN;
  for (const alert of [...document.querySelectorAll("[role=alert]")].filter(isOver)) show(alert, "");
}

function lost() {
  lostSince ??= performance.now();
  setTimeout(() => {
    if (lostSince !== null && performance.now() - lostSince >= SILENCE_MS - 50) {
      show(document.getElementById("connection"), "The connection is interrupted. This page may be out of date; it goes on by itself.");
    }
  }, SILENCE_MS);
}

/** The positions in the stream may have begun anew, so a lower one is not older than what the page shows. */
function startAnew() {
  for (const ticket of document.querySelectorAll("[data-ticket]")) ticket.dataset.v = "0";
  refresh();
}

/** Another page of this browser has signed in or out. */
function showReader() {
  if (document.querySelector("dialog[open], [aria-disabled='true']") || hasInput(document.getElementById("main"))) refresh();
  else location.reload();
}

document.addEventListener("shop:session", () => {
  channel.postMessage({ name: "session", detail: {} });
  if (isLeader) connect();
});
// A page that comes back from the browser's memory shows an old state.
window.addEventListener("pageshow", (event) => { if (event.persisted) refresh(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
