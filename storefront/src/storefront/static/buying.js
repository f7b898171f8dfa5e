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
  if (!(await signedIn())) return;
  const ticketId = button.dataset.buy;
  const expectedPrice = Number(button.dataset.price);
  const name = `${ticketId} ${expectedPrice}`;
  if (!keys.has(name)) keys.set(name, newKey());
  try {
    const onRetry = () => show(document.querySelector("[data-buy-error]"), "The shop does not answer yet. Trying again…");
    const order = await send("POST", "/api/orders", { ticketId, expectedPrice }, { key: keys.get(name), onRetry });
    remember("order", order.id, order.version);
    location.assign(`/orders/${order.id}`);
  } catch (error) {
    if (!(error instanceof NoAnswer)) keys.delete(name);
    await refresh();
    show(document.querySelector("[data-buy-error]"), explain(error));
  }
}

function explain(error) {
  const texts = { "ticket-not-available": "Somebody else was faster. This ticket is held or sold now." };
  return (error instanceof Refused && texts[error.code]) || error.message;
}
