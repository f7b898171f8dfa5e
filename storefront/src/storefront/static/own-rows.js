// The rows of "My listings": what the seller has done with a ticket, and whether it can be changed now.

import { writeFacts } from "./facts.js";
import { show } from "./forms.js";
import { refresh } from "./fresh.js";

const LISTED = "listed"; // in the session storage, from the page /sell to /selling
const READ_MS = 20_000;
const AGAIN = "This ticket can be changed again.";
const PRICE = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const reasons = new Map(); // why the ticket of an open form cannot be changed, as we have said it
let done = null; // what the seller has done last: the id of the ticket, and the text in its row
let later = null; // the timer of the end of `done`

export function rowOf(ticketId) {
  return document.querySelector(`#selling [data-ticket="${CSS.escape(ticketId)}"]`);
}

/** Say something to a person who does not see the page. It does not stay for ever. */
export function say(text) {
  document.querySelector("[data-said]").textContent = text;
  clearTimeout(later);
  if (text) later = setTimeout(forget, READ_MS);
}

/** Say in the row of a ticket what was done, until the seller goes on. The page may load the row again meanwhile. */
export function note(ticketId, text) {
  forget();
  done = { ticketId, text };
  showNote(text);
  say(text);
}

/** What was said is no longer of interest. */
export function forget() {
  if (done) showNote("");
  done = null;
  say("");
}

function showNote(text) {
  show(rowOf(done.ticketId)?.querySelector("[data-done]"), text);
}

/** The page "My listings", which comes next, says that this ticket is on sale. */
export function noteListed(ticketId) {
  sessionStorage.setItem(LISTED, ticketId);
}

function showListed() {
  const ticketId = sessionStorage.getItem(LISTED);
  sessionStorage.removeItem(LISTED);
  if (ticketId) note(ticketId, "Your ticket is on sale.");
}

/** Show in its row what the API has answered, because the list may not know it yet. */
export function showAnswer({ id, title, price, venue, startsAt, place }) {
  const row = rowOf(id);
  const shown = row.querySelector("[data-when-text]");
  const when = startsAt === shown.getAttribute("datetime") ? shown.textContent : startsAt?.slice(0, 16).replace("T", " ");
  const parts = [["Section", place?.section], ["Row", place?.row], ["Seat", place?.seat]].filter(([, value]) => value);
  row.querySelector("[data-price-text]").textContent = PRICE.format(price);
  writeFacts(row, { title, when, venue, startsAt, place: parts });
}

/** What a seller types stays while somebody buys the ticket, but it cannot be saved. */
function block() {
  for (const form of document.querySelectorAll("#selling [data-listing]")) {
    const row = form.closest("[data-ticket]");
    const why = row.querySelector(`[data-when="${row.dataset.state}"]`)?.textContent ?? "";
    if (why) row.querySelector("[data-question]").open = false;
    if (form.parentElement.open && why !== (reasons.get(form.dataset.listing) ?? "")) say(why || AGAIN);
    reasons.set(form.dataset.listing, why);
    form.querySelector("[type=submit]").disabled = Boolean(why);
  }
}

document.addEventListener("shop:ticket", () => queueMicrotask(block));
// The list may lack this ticket, the sum may have changed, and the forms have what was listed before.
document.addEventListener("shop:listing", () => { if (document.getElementById("selling")) refresh(); });
document.addEventListener("shop:refreshed", () => {
  block();
  if (done) showNote(done.text);
});
block();
if (document.getElementById("selling")) showListed();
