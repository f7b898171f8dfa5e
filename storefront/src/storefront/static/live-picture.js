// Moves the events through the picture: from the publisher to the stream, and from there to each consumer.
//
// A sale takes less than a second. So the events set out one after another, slowly enough to follow them with the eye.
// The number of dots is bounded. Until they set out, further events wait as a number for each event type, and travel
// together: as one dot with this number in it. The dots are HTML above the picture, because the browser moves HTML
// without painting the picture again.

import { isPaused } from "./live-pause.js";

const MOST_DOTS = 70;
const STEP_MS = 300; // between two events that set out
const PIXELS_PER_MS = 0.17;
const SHORTEST_MS = 700;
const MOST_WAITING_MS = 5000; // what has waited longer is not "now" any more
const LIT_MS = 500;
const LIT_WITHOUT_MOTION_MS = 1200; // nothing leads the eye to it
const still = matchMedia("(prefers-reduced-motion: reduce)");
const waiting = new Map();
const lit = new Map();
const delivered = new Map();
let taken = 0; // of the most dots: by dots, and by those that an event needs when it leaves its stream
let timer = null;
let nextStep = 0; // when the next event may set out

/** Show that events were stored. `counts` maps an event type to the number of its events. */
export function showEvents(counts) {
  if (isPaused() || document.hidden) return;
  for (const [name, count] of Object.entries(counts)) {
    const known = waiting.get(name);
    waiting.set(name, { count: (known?.count ?? 0) + count, since: known?.since ?? performance.now() });
  }
  pump();
}

/** Show the deliveries of those consumers whose stream this page does not read. Their counters say how many. */
export function showDeliveries(consumers) {
  for (const row of rows("[data-consumer]:not([data-stream-of=DOMAIN_EVENTS])")) {
    const now = consumers[row.dataset.consumer]?.delivered ?? undefined;
    const before = delivered.get(row.dataset.consumer);
    if (now !== undefined) delivered.set(row.dataset.consumer, now);
    if (before === undefined || !(now > before) || isPaused() || document.hidden) continue;
    const place = at(row);
    const name = row.dataset.events.split(" ")[0];
    if (still.matches) light(row, lineOf(row.dataset.consumer));
    else if (taken < MOST_DOTS) {
      taken += 1;
      travel(name, now - before, [[place.rail, place.y - 40], [place.rail, place.y], [place.port, place.y]], row).finally(release);
    }
  }
}

export function clearPicture() {
  waiting.clear();
  for (const dot of document.querySelectorAll(".dots > *")) dot.remove();
}

function pump() {
  clearTimeout(timer);
  const now = performance.now();
  const late = now - MOST_WAITING_MS;
  for (const [name, { count, since }] of waiting) {
    const [from] = rows(`[data-publishes="${CSS.escape(name)}"]`);
    const to = rows(`[data-events~="${CSS.escape(name)}"]`);
    if (!from || since < late) waiting.delete(name);
    else if (still.matches) highlight(name, from, to);
    else if (now >= nextStep && taken + Math.max(1, to.length) <= MOST_DOTS) {
      nextStep = now + STEP_MS;
      publish(name, count, from, to);
      break;
    }
  }
  if (waiting.size) timer = setTimeout(pump, Math.max(STEP_MS / 4, nextStep - performance.now()));
}

function highlight(name, from, to) {
  waiting.delete(name);
  light(from, lineOf(name));
  for (const row of to) light(row, lineOf(row.dataset.consumer));
}

async function publish(name, count, from, to) {
  waiting.delete(name);
  const needed = Math.max(1, to.length);
  taken += needed;
  const start = at(from);
  light(from);
  const hasArrived = await travel(name, count, [[start.port, start.y], [start.rail, start.y]]);
  if (!hasArrived || isPaused() || !to.length) return release(needed);
  for (const row of to) {
    const end = at(row);
    travel(name, count, [[start.rail, start.y], [end.rail, end.y], [end.port, end.y]], row).finally(release);
  }
}

function release(count = 1) {
  taken -= count;
}

/** Move one dot along its corners. Return false if it was taken away on its way. */
async function travel(name, count, corners, row) {
  const picture = visible();
  if (!picture) return false;
  const scale = picture.clientWidth / picture.querySelector("svg").viewBox.baseVal.width;
  const dot = draw(name, count);
  picture.querySelector(".dots").append(dot);
  const lengths = corners.slice(1).map(([x, y], index) => Math.abs(x - corners[index][0]) + Math.abs(y - corners[index][1]));
  const total = lengths.reduce((sum, each) => sum + each, 0) || 1;
  let gone = 0;
  const frames = corners.map(([x, y], index) => {
    gone += index ? lengths[index - 1] : 0;
    return { transform: `translate(${x * scale}px, ${y * scale}px)`, offset: gone / total };
  });
  await dot.animate(frames, { duration: Math.max(SHORTEST_MS, total / PIXELS_PER_MS), fill: "both" }).finished.catch(() => {});
  if (!dot.isConnected) return false;
  dot.remove();
  if (row) light(row);
  return true;
}

function draw(name, count) {
  const dot = document.createElement("span");
  dot.className = `dot of-${name.split(".")[0]}`;
  dot.classList.toggle("many", count > 1);
  if (count > 1) dot.textContent = count < 100 ? String(count) : "99";
  return dot;
}

/** Colour something for a moment. Under load it stays coloured, so nothing flickers. */
function light(...elements) {
  for (const element of elements.filter(Boolean)) {
    element.classList.add("lit");
    clearTimeout(lit.get(element));
    lit.set(element, setTimeout(() => element.classList.remove("lit"), still.matches ? LIT_WITHOUT_MOTION_MS : LIT_MS));
  }
}

function visible() {
  return [...document.querySelectorAll(".live-picture")].find((each) => each.getClientRects().length > 0);
}

function rows(selector) {
  return [...(visible()?.querySelectorAll(selector) ?? [])];
}

function lineOf(name) {
  return rows(`[data-line="${CSS.escape(name)}"]`)[0];
}

function at(row) {
  return { port: Number(row.dataset.port), rail: Number(row.dataset.rail), y: Number(row.dataset.y) };
}
