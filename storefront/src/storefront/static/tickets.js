// Shows on every ticket of the page what has just changed: its state, its price, until when it is held, and its facts.

import { writeFacts } from "./facts.js";
import { clock } from "./times.js";

const TEXTS = { "on-sale": "On sale", held: "Held", sold: "Sold", withdrawn: "Withdrawn", over: "Over" };
const seenNew = new Set();

document.addEventListener("shop:ticket", ({ detail: change }) => {
  const places = document.querySelectorAll(`[data-ticket="${CSS.escape(change.id)}"]`);
  for (const place of places) if (change.v >= Number(place.dataset.v)) apply(place, change);
  if (places.length === 0) countNew(change);
});

function apply(place, change) {
  const hasChanged = place.dataset.state !== change.state;
  place.dataset.v = change.v;
  place.dataset.state = change.state;
  for (const text of place.querySelectorAll("[data-state-text]")) text.textContent = TEXTS[change.state] ?? change.state;
  for (const text of place.querySelectorAll("[data-price-text]")) text.textContent = change.price;
  for (const button of place.querySelectorAll("[data-buy]")) button.dataset.price = change.amount;
  for (const until of place.querySelectorAll("[data-until-text]")) {
    const time = until.querySelector("time");
    until.hidden = !change.until;
    if (change.until) {
      time.dateTime = change.until;
      time.textContent = clock(change.until);
      time.dataset.shown = change.until;
    }
  }
  if (hasChanged) {
    place.classList.remove("changed");
    void place.offsetWidth; // the animation starts again
    place.classList.add("changed");
  }
  writeFacts(place, change);
}

/** The list says that there are new tickets. It does not move while somebody reads it. */
function countNew(change) {
  const notice = document.getElementById("new-tickets");
  if (!notice) return; // this list has only what a person has searched for
  if (change.isNew) seenNew.add(change.id);
  else if (change.state === "withdrawn") seenNew.delete(change.id);
  const count = seenNew.size;
  notice.querySelector("[data-new-count]").textContent = count === 1 ? "There is 1 new ticket." : `There are ${count} new tickets.`;
  notice.hidden = count === 0;
}
