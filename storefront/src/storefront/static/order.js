// One order: pay for it, ask for more time, or give it up.

import { NoAnswer, newKey, remember, send, TRYING_AGAIN } from "./api.js";
import { busy, clearErrors, show, showErrors } from "./forms.js";
import { refresh } from "./fresh.js";

const LOOK_MS = 1000; // the time between two looks at a payment that another request has begun
const PAYING = "paying"; // where the browser keeps the order that this tab pays for, so that a reload does not forget it
const DOUBT = "We do not know yet whether your card was charged. Trying again…";
const ENDED = "Your payment is still under way. If your card is charged, you get the money back at once.";
const SLOW = "A payment for this order is under way. Its result appears here by itself.";
const STILL_HELD = "You were not charged. The ticket is still held for you; try another card.";
const page = document.querySelector(".detail[data-order]");
const keys = new Map(); // one key for each order and card, so that a repeated payment is the same payment

document.addEventListener("click", (event) => {
  const button = event.target.closest("#order button");
  if (!button) return;
  if (button.matches("[data-extend]")) busy(button, () => extend(button));
  if (button.matches("[data-give-up]")) ask(true);
  if (button.matches("[data-keep]")) ask(false);
  // The second half of a double click on "Give it up" is no answer to the question.
  if (button.matches("[data-cancel]") && event.detail < 2) busy(button, () => cancel(button.dataset.cancel));
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.querySelector("[data-asked]")) ask(false);
});

/** Ask whether the buyer really gives the order up, or stop asking. */
function ask(isAsked) {
  const order = document.getElementById("order");
  order.closest("[data-order]").toggleAttribute("data-asked", isAsked);
  order.querySelector(isAsked ? "[data-keep]" : "[data-give-up]")?.focus();
}

function extend({ dataset: { extend: orderId, expires: expiresAt } }) {
  // With the deadline that the buyer sees, a repeated request does not extend the order again.
  return change(orderId, "POST", `/api/orders/${orderId}/extension`, { expiresAt }, { repeatable: true });
}

function cancel(orderId) {
  return change(orderId, "DELETE", `/api/orders/${orderId}`);
}

async function change(orderId, method, path, body, options) {
  const place = document.querySelector("[data-order-error]");
  show(place, "");
  const onRetry = () => show(place, TRYING_AGAIN);
  try {
    const order = await send(method, path, body, { ...options, onRetry });
    const version = order?.version ?? Number(document.getElementById("order").dataset.version) + 1;
    remember("order", orderId, version);
    await refresh();
    show(place, "");
  } catch (error) {
    await refresh();
    show(place, error.message);
    place.focus();
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
  progress("Paying… This can take a few seconds.");
  const orderId = form.dataset.pay;
  let token;
  try {
    token = form.elements.token?.value ?? (await (await import("./stripe.js")).tokenOf());
  } catch (error) {
    fail(form, error);
    return;
  }
  const name = `${orderId} ${token}`;
  if (!keys.has(name)) keys.set(name, newKey());
  const options = { key: keys.get(name), onRetry: () => progress(DOUBT) };
  setUnderWay(true);
  try {
    charged(await send("POST", "/api/payments", { orderId, token }, options));
  } catch (error) {
    if (error.code === "payment-in-progress") return await waitForResult(form, SLOW);
    if (!(error instanceof NoAnswer)) keys.delete(name);
    fail(form, error);
  }
  await refresh();
}

/** Wait until the payment has ended that another request has begun: in another tab, or before a reload. */
async function waitForResult(form, said) {
  progress(said);
  try {
    for (let look = 1; ; look += 1) {
      const { payments } = await send("GET", `/api/payments?orderId=${page.dataset.order}`, undefined, { onRetry: () => progress(DOUBT) });
      const { status } = payments[0] ?? {};
      if (status === "captured" || status === "refunded") {
        charged(payments[0]);
        break;
      }
      if (status === "pending") progress(SLOW);
      // A request that a reload has cut off may arrive after the first look.
      else if (look > 1) throw new Error("Your card was not charged. You can pay again.");
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } catch (error) {
    fail(form, error);
  }
  await refresh();
}

/** Remember, also after a reload, whether this page knows of a payment whose result it does not know. */
function setUnderWay(isUnderWay) {
  page.toggleAttribute("data-paying", isUnderWay);
  if (isUnderWay) sessionStorage.setItem(PAYING, page.dataset.order);
  else sessionStorage.removeItem(PAYING);
}

/** The order cannot be given up any more, so the page looks as during the payment until it shows this result. */
function charged(payment) {
  sessionStorage.removeItem(PAYING);
  progress("Your card was charged. This page shows it in a moment.");
  remember("payment", payment.id, 1);
}

/** Show an error in the form. If nobody can pay any more, the form has disappeared: then say what became of the card. */
function fail(form, error) {
  setUnderWay(false);
  say("");
  for (const each of error.status === 402 ? error.errors : []) each.message += ` ${STILL_HELD}`;
  if (error.status === 409) say(error.message); // what it says of the order is also true when the form has gone
  else if (form?.isConnected && !page.matches("[data-time-up]")) showErrors(form, error);
  else say(error instanceof NoAnswer ? ENDED : "Your card was not charged.");
}

/** Say how far the payment is. If the order is cancelled, only the money matters. */
function progress(text) {
  say(document.querySelector('#order[data-status="cancelled"]') ? ENDED : text);
}

function say(text) {
  show(document.querySelector("[data-pay-status]"), text);
}

/** The order may end during a payment. When the page shows the payment, it says all that there is to say. */
function followOrder() {
  if (document.querySelector('#order[data-paid], #order[data-status="completed"]')) say("");
  else if (page.matches("[data-paying]") && document.querySelector('#order[data-status="cancelled"]')) say(ENDED);
}

if (page) document.addEventListener("shop:refreshed", followOrder);
if (page && sessionStorage.getItem(PAYING) === page.dataset.order) {
  const form = document.querySelector("[data-pay]");
  setUnderWay(true);
  if (form) busy(form.querySelector("[type=submit]"), () => waitForResult(form, DOUBT));
  else if (!document.querySelector("#order[data-paid]")) waitForResult(null, DOUBT);
  else setUnderWay(false);
}

if (document.querySelector("[data-stripe-key]")) import("./stripe.js");

document.addEventListener("shop:order", ({ detail: change }) => {
  // A new order appears in the list. The page of a ticket says whether it is held for this person.
  if (document.querySelector(`[data-order="${CSS.escape(change.id)}"], #orders, #offer`)) refresh();
});
