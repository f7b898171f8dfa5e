// The button that orders a ticket for the price that the person sees.

import { NoAnswer, newKey, Refused, remember, send } from "./api.js";
import { busy, show } from "./forms.js";
import { refresh } from "./fresh.js";
import { signedIn } from "./session.js";

const keys = new Map(); // one key for each ticket and price, so that a repeated click is the same order

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-buy]");
  if (button) busy(button, () => buy(button));
});

async function buy(button) {
  const place = document.querySelector("[data-buy-error]");
  show(place, "");
  if (!(await signedIn(`buy \u2068${document.querySelector("h1").textContent}\u2069`))) return;
  const ticketId = button.dataset.buy;
  const expectedPrice = Number(button.dataset.price);
  const name = `${ticketId} ${expectedPrice}`;
  if (!keys.has(name)) keys.set(name, newKey());
  reserving(ticketId, true);
  try {
    const onRetry = () => show(document.querySelector("[data-buy-error]"), "The shop does not answer yet. Trying again…");
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
    "ticket-not-available": "Somebody else was faster. This ticket is held or sold now.",
    "already-ordered": "You have ordered this ticket already.",
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

document.addEventListener("shop:ticket", forget);
document.addEventListener("shop:refreshed", forget);
