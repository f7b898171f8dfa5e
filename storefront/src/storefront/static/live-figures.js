// The numbers of the page /live: of each event, of each consumer, and of the platform.

import { isPaused, onPause } from "./live-pause.js";

const SECONDS = 60;
const RATE_SECONDS = 5;
const perSecond = new Array(SECONDS).fill(0);
const seen = new Map();
let total = 0;
let figures = null;

/** Begin to show the numbers, once per second. */
export function startFigures() {
  setInterval(tick, 1000);
  onPause((isNowPaused) => { if (!isNowPaused) showAll(); });
  showAll();
}

export function addToCounts(counts) {
  for (const [name, count] of Object.entries(counts)) {
    seen.set(name, (seen.get(name) ?? 0) + count);
    total += count;
    perSecond[SECONDS - 1] += count;
  }
}

export function showFigures(newFigures) {
  figures = newFigures;
  if (!isPaused()) showConsumers();
}

/** Return a number that is short enough for its place. For example, 12345 becomes "12.3k". */
export function short(number) {
  return number < 10_000 ? String(number) : `${(number / 1000).toFixed(number < 100_000 ? 1 : 0)}k`;
}

function tick() {
  if (!isPaused()) showAll();
  perSecond.push(0);
  perSecond.shift();
}

function showAll() {
  const latest = perSecond.slice(-RATE_SECONDS);
  const rate = latest.reduce((sum, each) => sum + each, 0) / RATE_SECONDS;
  set("rate", rate === 0 ? "0" : rate < 10 ? rate.toFixed(1) : String(Math.round(rate)));
  set("seen", short(total));
  const highest = Math.max(4, ...perSecond);
  const points = perSecond.map((each, index) => `${index + 0.5},${19 - (each / highest) * 18}`);
  document.querySelector("[data-spark]").setAttribute("points", points.join(" "));
  for (const [name, count] of seen) {
    for (const value of document.querySelectorAll(`[data-publishes="${CSS.escape(name)}"] [data-value]`)) write(value, short(count));
  }
  if (figures) showConsumers();
}

function showConsumers() {
  const known = Object.values(figures.consumers).filter(Boolean);
  set("waiting", short(known.reduce((sum, each) => sum + each.waiting, 0)));
  set("in-flight", short(known.reduce((sum, each) => sum + each.inFlight, 0)));
  set("dead-letters", figures.deadLetters === null ? "unknown" : short(figures.deadLetters));
  document.querySelector("[data-tile='dead-letters']").classList.toggle("bad", figures.deadLetters > 0);
  for (const [name, consumer] of Object.entries(figures.consumers)) showConsumer(CSS.escape(name), consumer);
}

function showConsumer(name, consumer) {
  const lag = consumer ? consumer.waiting + consumer.inFlight : 0;
  const mood = !consumer ? "unknown" : !consumer.listening ? "stopped" : lag > 0 ? "busy" : "idle";
  const value = !consumer ? "?" : lag === 0 ? "0" : `${short(consumer.waiting)} + ${short(consumer.inFlight)}`;
  for (const row of document.querySelectorAll(`[data-consumer="${name}"]`)) {
    row.dataset.mood = mood;
    write(row.querySelector("[data-value]"), mood === "stopped" ? `stopped, ${value}` : value);
  }
  const row = document.querySelector(`[data-consumer-row="${name}"]`);
  if (!row) return;
  row.dataset.mood = mood;
  const states = { unknown: "unknown", stopped: "not listening", busy: "listening", idle: "listening" };
  write(row.querySelector("[data-cell='waiting']"), consumer ? String(consumer.waiting) : "?");
  write(row.querySelector("[data-cell='in-flight']"), consumer ? String(consumer.inFlight) : "?");
  write(row.querySelector("[data-cell='state']"), states[mood]);
}

function set(name, text) {
  write(document.querySelector(`[data-figure="${name}"]`), text);
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
