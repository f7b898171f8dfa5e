// Shows what happened to one ticket, order or payment, beside the picture. The server renders it.

import { showTimesIn } from "./live-time.js";

const panel = document.getElementById("history");
const place = document.getElementById("history-steps");
const input = document.getElementById("live-id");
const closer = document.querySelector("[data-live-close]");
const REFRESH_MS = 400;
let timer = null;
let newest = 0;
let chosen = null; // the link that has led to the history, where somebody goes on after closing it

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-live-id]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (!panel.contains(link)) chosen = link;
  choose(link.dataset.liveId);
});

closer.addEventListener("click", close);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !closer.hidden && !document.querySelector("dialog[open]")) close();
});

document.querySelector("[data-live-find]").addEventListener("submit", (event) => {
  event.preventDefault();
  choose(completed(input.value.trim().toLowerCase()));
});

window.addEventListener("popstate", () => show(idInAddress()));

/** The list shows only the end of each id. Return the whole id if somebody has entered such an end. */
function completed(text) {
  const end = text.replace(/^…/, "");
  return /^[0-9a-f]{8,23}$/.test(end) ? document.querySelector(`[data-live-id$="${end}"]`)?.dataset.liveId ?? text : text;
}

/** Load the shown aggregate again if one of these events is its own. */
export function refreshHistoryOf(ids) {
  const wanted = idInAddress();
  if (!wanted || !ids.includes(wanted)) return;
  clearTimeout(timer);
  timer = setTimeout(() => show(wanted), REFRESH_MS);
}

async function choose(id) {
  history.pushState(null, "", id ? `/live?id=${encodeURIComponent(id)}` : "/live");
  await show(id);
  place.scrollTop = 0;
  panel.focus({ preventScroll: true });
  panel.scrollIntoView({ block: "nearest" });
}

function close() {
  history.pushState(null, "", "/live");
  show("");
  (chosen?.isConnected ? chosen : document.getElementById("log")).focus();
}

function idInAddress() {
  return new URLSearchParams(location.search).get("id") ?? "";
}

async function show(id) {
  const mine = ++newest; // a slow answer must not replace a newer one
  input.value = id;
  closer.hidden = !id;
  let steps;
  try {
    const response = await fetch(`/live?id=${encodeURIComponent(id)}`, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!response.ok) throw new Error(`status ${response.status}`);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    steps = [...page.getElementById("history-steps").childNodes];
  } catch {
    steps = [Object.assign(document.createElement("p"), { className: "hint", textContent: "The shop does not answer. Try again in a moment." })];
  }
  if (mine !== newest) return;
  place.replaceChildren(...steps);
  showTimesIn(place);
}

closer.hidden = !idInAddress();
showTimesIn(place);
