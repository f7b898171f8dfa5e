// Shows times in the person's own time zone, and counts down to a deadline with the clock of the server.

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }; // as the server writes times
const ANNOUNCED = [300, 120, 60, 30, 0]; // seconds before the end
let serverNow = Number(document.body.dataset.now);
let readAt = arrivedAt(performance.getEntriesByType("navigation")[0]);
let announced = new Map();

/** Return the time of the server, in seconds since 1970. The clock of this computer may be wrong. */
function now() {
  return serverNow + (performance.now() - readAt) / 1000;
}

/** Return when an answer began to arrive. The server wrote its time then. Scripts run later, on a slow line much later. */
function arrivedAt(timing) {
  return timing?.responseStart || performance.now();
}

/** Take over the server's time from a newer answer that arrived at the time `at`, and show all times again. */
export function restartClocks(seconds, at) {
  if (!Number.isFinite(seconds)) return;
  serverNow = seconds;
  readAt = at;
  queueMicrotask(tick);
}

/** Return the time of day, and also the date if it is not today. */
export function clock(iso, withSeconds = false) {
  const [moment, today] = [new Date(iso), new Date(now() * 1000)];
  const format = { ...CLOCK, second: withSeconds ? "2-digit" : undefined };
  if (moment.toDateString() !== today.toDateString()) Object.assign(format, { day: "numeric", month: "short" });
  if (moment.getFullYear() !== today.getFullYear()) format.year = "numeric";
  return moment.toLocaleString([], format);
}

function tick() {
  for (const time of document.querySelectorAll("time[data-clock], time[data-until]")) {
    if (time.dateTime && time.dataset.shown !== time.dateTime) {
      time.textContent = clock(time.dateTime, time.dataset.clock === "seconds");
      time.dataset.shown = time.dateTime;
    }
  }
  for (const time of document.querySelectorAll(".until time")) {
    time.parentElement.toggleAttribute("data-past", Date.parse(time.dateTime) <= now() * 1000);
  }
  for (const timer of document.querySelectorAll("[data-countdown]")) count(timer);
}

function count(timer) {
  const end = Date.parse(timer.dataset.countdown) / 1000;
  const left = Math.max(0, Math.ceil(end - now()));
  timer.querySelector("[data-left]").textContent = text(left);
  timer.dataset.urgent = left <= 60 ? "yes" : "no";
  showTimeUp(timer.closest("[data-order]"), left === 0);
  const place = document.querySelector("[data-announcement]");
  const known = announced.get(timer.dataset.countdown) ?? Infinity;
  const due = ANNOUNCED.filter((each) => left <= each && each < known).pop();
  if (place && due !== undefined) {
    announced.set(timer.dataset.countdown, due);
    place.textContent = left > 0 ? `${words(left)} left to pay.` : document.querySelector("[data-too-late]").textContent;
  }
}

/** When the time is up, what needs time disappears from the page, and with it perhaps what had the focus. */
function showTimeUp(order, isUp) {
  const part = order.querySelector("#order");
  if (isUp && !order.matches("[data-time-up]") && order.contains(document.activeElement)) part.focus();
  order.toggleAttribute("data-time-up", isUp);
}

function text(seconds) {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

function words(seconds) {
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.round(seconds / 60);
  return minutes === 1 ? "1 minute" : `${minutes} minutes`;
}

/** All times are in the zone of this computer, except those of events, which have their offset. Each page says so once. */
function nameZone() {
  const place = document.querySelector("[data-time-zone]");
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const text = timeZone ? ` (${timeZone.replaceAll("_", " ")})` : "";
  if (place) place.textContent = `. Times are in your time zone${text}, except those of events.`;
}

setInterval(tick, 250);
nameZone();
document.addEventListener("shop:refreshed", tick);
tick();
