// The list of the newest events. It does not move while somebody reads it: with the pointer over it, or the focus in it.

import { isPaused, onPause } from "./live-pause.js";
import { clock } from "./live-time.js";

const MOST_ROWS = 60;
const FLUSH_MS = 250;
const SHOWN_OF_ID = 8; // of 24: ids of the same second differ at their end
const place = document.querySelector("[data-log]");
const region = document.getElementById("log");
const held = document.querySelector("[data-log-held]");
const shown = new Set();
let waiting = [];
let missed = 0;
let timer = null;

/** Add events: each is a list of its type, the id and the version of its aggregate, its time, and the title. */
export function addToLog(events) {
  const fresh = events.filter((event) => !shown.has(keyOf(event)));
  for (const event of fresh) shown.add(keyOf(event));
  missed += fresh.length;
  waiting = [...waiting, ...fresh].slice(-MOST_ROWS);
  timer ??= setTimeout(flush, FLUSH_MS);
}

function flush() {
  timer = null;
  if (isPaused() || region.matches(":hover, :focus-within")) {
    const why = isPaused() ? "after the pause" : "when you leave the list";
    held.textContent = `${missed} new, shown ${why}`;
    held.hidden = missed === 0;
    return;
  }
  held.hidden = true;
  document.querySelector("[data-log-empty]").hidden = waiting.length + place.rows.length > 0;
  if (!waiting.length) return;
  place.prepend(...waiting.reverse().map(rowOf));
  waiting = [];
  missed = 0;
  while (place.rows.length > MOST_ROWS) {
    shown.delete(place.lastElementChild.dataset.key);
    place.lastElementChild.remove();
  }
  if (shown.size > 2 * MOST_ROWS) {
    shown.clear();
    for (const row of place.rows) shown.add(row.dataset.key);
  }
}

function rowOf(event) {
  const [name, id, version, at, title] = event;
  const row = document.createElement("tr");
  row.dataset.key = keyOf(event);
  const time = Object.assign(document.createElement("time"), { dateTime: at, textContent: clock(at) });
  const type = Object.assign(document.createElement("span"), { className: `live-type of-${name.split(".")[0]}`, textContent: name });
  const end = `…${id.slice(-SHOWN_OF_ID)}`;
  const link = Object.assign(document.createElement("a"), { href: `/live?id=${id}`, textContent: title || end, title: title || id, dir: "auto" });
  link.dataset.liveId = id;
  link.setAttribute("aria-label", `${name}, version ${version}, of ${title ? `${title}, ` : ""}${id}: what happened`);
  const hint = (text) => Object.assign(document.createElement("span"), { className: "hint", textContent: text });
  const of = Object.assign(document.createElement("div"), { className: "live-of" });
  of.append(link, title ? hint(end) : "");
  row.insertCell().append(time);
  row.insertCell().append(type, hint(` version ${version}`), of);
  return row;
}

function keyOf([name, id, version]) {
  return `${name} ${id} ${version}`;
}

for (const name of ["pointerleave", "focusout"]) region.addEventListener(name, () => { timer ??= setTimeout(flush, FLUSH_MS); });
onPause(() => { timer ??= setTimeout(flush, FLUSH_MS); });
