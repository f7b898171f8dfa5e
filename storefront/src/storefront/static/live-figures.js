// The numbers of the page /live: of each event, of each consumer, and of the platform.

import { isPaused, onPause } from "./live-pause.js";
import { showNats } from "./live-source.js";

const SECONDS = 60;
const RATE_SECONDS = 5;
const LONG_SECONDS = 5; // an event is normally handled within a second
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
  const isKnown = !figures || natsAnswers();
  set("rate", !isKnown ? "unknown" : rate === 0 ? "0" : rate < 10 ? rate.toFixed(1) : String(Math.round(rate)));
  set("seen", isKnown ? short(total) : "unknown");
  const highest = Math.max(4, ...perSecond);
  const points = perSecond.map((each, index) => `${index + 0.5},${19 - (each / highest) * 18}`);
  document.querySelector("[data-spark]").setAttribute("points", points.join(" "));
  for (const [name, count] of seen) {
    for (const value of document.querySelectorAll(`[data-publishes="${CSS.escape(name)}"] [data-value]`)) write(value, short(count));
  }
  if (figures) showConsumers();
}

function natsAnswers() {
  return figures.deadLetters !== null || Object.values(figures.consumers).some((each) => each.state !== "unknown");
}

function showConsumers() {
  const consumers = Object.values(figures.consumers);
  showNats(natsAnswers());
  document.querySelector("[data-alert='nats']").hidden = natsAnswers();
  showSum("waiting", consumers, (each) => each.waiting);
  showSum("in-flight", consumers, (each) => each.inFlight);
  for (const [name, consumer] of Object.entries(figures.consumers)) showConsumer(name, consumer);
  for (const box of document.querySelectorAll("[data-service]")) showBox(box);
  showDeadLetters();
}

/** Show a number of all consumers. It changes its colour when an event that it counts has waited for long. */
function showSum(name, consumers, numberOf) {
  const known = consumers.filter((each) => numberOf(each) !== null);
  const oldest = Math.max(0, ...known.filter((each) => numberOf(each) > 0).map((each) => each.oldestSeconds ?? 0));
  const tile = document.querySelector(`[data-tile="${name}"]`);
  set(name, known.length ? short(known.reduce((sum, each) => sum + numberOf(each), 0)) : "unknown");
  tile.classList.toggle("late", oldest >= LONG_SECONDS);
  write(tile.querySelector("[data-oldest]"), oldest >= LONG_SECONDS ? `oldest: ${age(oldest)}` : "");
}

function showConsumer(name, consumer) {
  const lag = consumer.waiting + consumer.inFlight;
  const dead = figures.deadLetters?.[name] ?? 0;
  const isSilent = consumer.state !== "listening";
  const mood = isSilent ? "silent" : isLate(consumer) ? "late" : lag > 0 ? "busy" : "idle";
  for (const row of document.querySelectorAll(`[data-consumer="${name}"], [data-consumer-row="${name}"]`)) {
    row.dataset.mood = mood;
    row.classList.toggle("failed", dead > 0);
  }
  for (const value of document.querySelectorAll(`[data-consumer="${name}"] [data-value]`)) {
    write(value, consumer.waiting === null ? "?" : short(lag));
  }
  const cell = (part) => document.querySelector(`[data-consumer-row="${name}"] [data-cell="${part}"]`);
  write(cell("waiting"), String(consumer.waiting ?? "?"));
  write(cell("in-flight"), String(consumer.inFlight ?? "?"));
  write(cell("oldest"), isLate(consumer) ? age(consumer.oldestSeconds) : "");
  write(cell("state"), [consumer.state, ...lettersOf(dead)].join(", "));
}

/** Say in the box of a service the worst of its consumers, in the words of the table, which says everything. */
function showBox(box) {
  const names = [...box.querySelectorAll("[data-consumer]")].map((row) => row.dataset.consumer);
  const consumers = names.map((name) => figures.consumers[name]).filter(Boolean);
  const states = [...new Set(consumers.map((each) => each.state).filter((state) => state !== "listening"))];
  const oldest = Math.max(0, ...consumers.filter(isLate).map((each) => each.oldestSeconds));
  const dead = names.reduce((sum, name) => sum + (figures.deadLetters?.[name] ?? 0), 0);
  box.dataset.mood = states.length || dead ? "bad" : oldest ? "late" : "";
  write(box.querySelector("[data-box-state]"), states[0] ?? lettersOf(dead)[0] ?? (oldest ? `oldest: ${age(oldest)}` : ""));
}

function showDeadLetters() {
  const letters = Object.entries(figures.deadLetters ?? {});
  const sum = letters.reduce((all, [, messages]) => all + messages, 0);
  set("dead-letters", figures.deadLetters === null ? "unknown" : short(sum));
  document.querySelector("[data-tile='dead-letters']").classList.toggle("bad", sum > 0);
  document.querySelector("[data-alert='dead-letters']").hidden = sum === 0;
  const place = document.querySelector("[data-dead-letters]");
  const text = letters.map(([name, messages]) => `${name} (${messages})`).join(", ");
  if (place.textContent === text) return; // a link that somebody is about to use must stay
  place.replaceChildren(...letters.flatMap(([name, messages], index) => [
    index ? ", " : "",
    Object.assign(document.createElement("a"), { href: `#consumer-${name}`, textContent: name }),
    ` (${messages})`,
  ]));
}

function isLate(consumer) {
  return consumer.oldestSeconds >= LONG_SECONDS;
}

function lettersOf(dead) {
  return dead ? [dead === 1 ? "1 dead letter" : `${dead} dead letters`] : [];
}

/** Return how long something takes, in the largest unit that says enough: "36 s", "12 min", "3 h", "2 d". */
function age(seconds) {
  const [unit, length] = [["d", 86_400], ["h", 3600], ["min", 60]].find(([, each]) => seconds >= 2 * each) ?? ["s", 1];
  return `${Math.floor(seconds / length)} ${unit}`;
}

function set(name, text) {
  write(document.querySelector(`[data-figure="${name}"]`), text);
}

function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}
