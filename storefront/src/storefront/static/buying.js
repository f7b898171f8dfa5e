// The button that orders a ticket for the price that the person sees.

import { NoAnswer, newKey, Refused, remember, send, TRYING_AGAIN } from "./api.js";
import { busy, show } from "./forms.js";
import { refresh } from "./fresh.js";
import { signedIn } from "./session.js";

const PAUSE_MS = 1000; // a finger may already be on its way to the button when the price changes
let shown = offered(); // the button's price, before it changes
const keys = new Map(); // one key for each ticket and price, so that a repeated click is the same order

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-buy]");
  if (button) busy(button, () => buy(button));
});

async function buy(button) {
  const place = document.querySelector("[data-buy-error]");
  show(place, "");
  // The price can change while a person signs in. They have clicked on this one.
  const ticketId = button.dataset.buy;
  const expectedPrice = Number(button.dataset.price);
  const price = button.querySelector("[data-price-text]").textContent;
  if (!(await signedIn(`buy \u2068${document.querySelector("h1").textContent}\u2069 for ${price}. The ticket is then ordered at once, and you pay on the next page`))) return;
  const name = `${ticketId} ${expectedPrice}`;
  if (!keys.has(name)) keys.set(name, newKey());
  reserving(ticketId, true);
  try {
    const onRetry = () => show(document.querySelector("[data-buy-error]"), TRYING_AGAIN);
    const order = await send("POST", "/api/orders", { ticketId, expectedPrice }, { key: keys.get(name), onRetry });
    remember("order", order.id, order.version);
    location.assign(`/orders/${order.id}`);
  } catch (error) {
    if (!(error instanceof NoAnswer)) keys.delete(name);
    const own = error.code === "already-ordered" && error.message.match(/[0-9a-f]{24}/)?.[0];
    if (own) remember("order", own, 1);
    await refresh();
    reserving(ticketId, false);
    explain(error);
    if (own) linkTo(own);
  }
}

/** Until the answer is there, or the page of the order, the page does not say who holds the ticket: it may be this person. */
function reserving(ticketId, isUnderWay) {
  const ticket = document.querySelector(`[data-ticket="${CSS.escape(ticketId)}"]`);
  ticket.toggleAttribute("data-buying", isUnderWay);
  ticket.querySelector("[data-note]").textContent = isUnderWay ? "Reserving this ticket for you…" : "";
}

// The browser's memory has the page as it was when the person left it for the order.
window.addEventListener("pageshow", ({ persisted }) => {
  const ticket = persisted && document.querySelector("[data-buying]");
  if (ticket) reserving(ticket.dataset.ticket, false);
});

function explain(error) {
  const place = document.querySelector("[data-buy-error]");
  if (!place || !document.querySelector("[data-buy]")) return; // this person holds the ticket, or sells it
  const texts = {
    "ticket-not-available": "Somebody else was faster. Nothing was ordered.",
    "already-ordered": "You have ordered this ticket already.",
    "not-found": "This ticket is not for sale any more. Nothing was ordered.",
  };
  show(place, (error instanceof Refused && texts[error.code]) || error.message);
  place.dataset.saidOf = offerOf(place);
  place.toggleAttribute("data-taken", error.code === "ticket-not-available");
}

/** The page does not know yet that this person has ordered the ticket. */
function linkTo(orderId) {
  const place = document.querySelector("[data-buy-error]:not([hidden])");
  place?.append(" ", Object.assign(document.createElement("a"), { href: `/orders/${orderId}`, textContent: "Go to your order" }));
}

/** What we have said about the last attempt to buy is true only until the state or the price changes. */
function forget() {
  const place = document.querySelector("[data-buy-error][data-said-of]");
  if (!place || place.dataset.saidOf === offerOf(place)) return;
  // The page may learn only now what the answer has said.
  const isStillTaken = place.matches("[data-taken]") && place.closest('[data-state="held"], [data-state="sold"]');
  if (isStillTaken) place.dataset.saidOf = offerOf(place);
  else show(place, "");
}

function offerOf(place) {
  const ticket = place.closest("[data-ticket]");
  return `${ticket.dataset.state} ${ticket.querySelector("[data-buy]")?.dataset.price}`;
}

/** Return what the button offers, or null if this person cannot buy the ticket. */
function offered() {
  const button = document.querySelector("[data-buy]");
  return button && { amount: button.dataset.price, text: button.querySelector("[data-price-text]").textContent };
}

/** Say that the price has changed, and wait: nobody shall order for a price that they have not had the time to read. */
function notePrice() {
  const [before, button] = [shown, document.querySelector("[data-buy]")];
  shown = offered();
  if (!button || !before || before.amount === shown.amount) return;
  const ticket = button.closest("[data-ticket]");
  if ("buying" in ticket.dataset) return; // they have clicked on the old price, and the API refuses it
  ticket.querySelector("[data-note]").textContent = `The seller has changed the price. It was ${before.text}.`;
  busy(button, () => new Promise((done) => setTimeout(done, PAUSE_MS)));
}

for (const name of ["shop:ticket", "shop:refreshed"]) {
  document.addEventListener(name, forget);
  document.addEventListener(name, notePrice);
}
