// One order: pay for it, ask for more time, or give it up.

import { NoAnswer, newKey, Refused, remember, send } from "./api.js";
import { busy, clearErrors, show, showErrors } from "./forms.js";
import { refresh } from "./fresh.js";

const keys = new Map(); // one key for each order and card, so that a repeated payment is the same payment

document.addEventListener("click", (event) => {
  const extend = event.target.closest("[data-extend]");
  if (extend) busy(extend, () => change("POST", `/api/orders/${extend.dataset.extend}/extension`, extend.dataset.extend));
  const cancel = event.target.closest("[data-cancel]");
  if (cancel) busy(cancel, () => change("DELETE", `/api/orders/${cancel.dataset.cancel}`, cancel.dataset.cancel));
});

async function change(method, path, orderId) {
  try {
    const order = await send(method, path);
    const version = order?.version ?? Number(document.getElementById("order").dataset.version) + 1;
    remember("order", orderId, version);
    await refresh();
  } catch (error) {
    await refresh();
    show(document.querySelector("[data-order-error]"), error.message);
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-pay]");
  if (!form) return;
  event.preventDefault();
  busy(form.querySelector("[type=submit]"), () => pay(form));
});

async function pay(form) {
  clearErrors(form);
  const orderId = form.dataset.pay;
  let token;
  try {
    token = form.elements.token?.value ?? (await (await import("./stripe.js")).tokenOf());
  } catch (error) {
    showErrors(form, error);
    return;
  }
  const name = `${orderId} ${token}`;
  if (!keys.has(name)) keys.set(name, newKey());
  const place = form.querySelector("[data-form-error]");
  const onRetry = () => show(place, "We do not know yet whether your card was charged. Trying again…");
  try {
    const payment = await send("POST", "/api/payments", { orderId, token }, { key: keys.get(name), onRetry });
    remember("payment", payment.id, 1);
    await refresh();
  } catch (error) {
    if (!(error instanceof NoAnswer)) keys.delete(name);
    showErrors(form, error);
    if (error instanceof Refused && error.status === 409) await refresh();
  }
}

if (document.querySelector("[data-stripe-key]")) import("./stripe.js");

document.addEventListener("shop:order", ({ detail: change }) => {
  // The page of a ticket says whether it is held for this person, perhaps after a purchase in another tab.
  if (document.querySelector(`[data-order="${CSS.escape(change.id)}"], #offer`)) refresh();
});
