// Times on the page /live: 24 hours and milliseconds, in the person's own time zone.

/** Return a time for people: "15:30:00.250", or with its date if it is not today. */
export function clock(iso) {
  const moment = new Date(iso);
  const two = (number) => String(number).padStart(2, "0");
  const time = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(":");
  const precise = `${time}.${String(moment.getMilliseconds()).padStart(3, "0")}`;
  if (moment.toDateString() === new Date().toDateString()) return precise;
  return `${moment.toLocaleDateString([], { day: "numeric", month: "short" })} ${precise}`;
}

/** Show the times that the server has rendered. */
export function showTimesIn(place) {
  for (const time of place.querySelectorAll("time[data-live-time]")) time.textContent = clock(time.dateTime);
}
