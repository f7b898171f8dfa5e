// One order: pay for it, ask for more time, or give it up.

import { NoAnswer, newKey, Refused, remember, send } from "./api.js";
import { busy, clearErrors, show, showErrors } from "./forms.js";
import { refresh } from "./fresh.js";

const LOOK_MS = 1000; // the time between two looks at a payment that another request has begun
const UNDER_WAY = ["payment-in-progress", "request-in-flight"];
const PAYING = "paying"; // where the browser keeps the order that this tab pays for, so that a reload does not forget it
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

async function change(orderId, ...command) {
  try {
    const order = await send(...command);
    const version = order?.version ?? Number(document.getElementById("order").dataset.version) + 1;
    remember("order", orderId, version);
    await refresh();
  } catch (error) {
    await refresh();
    const place = document.querySelector("[data-order-error]");
    show(place, error.message);
    place?.focus();
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
  say(form, "Paying… This can take a few seconds.");
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
  const onRetry = () => say(form, "We do not know yet whether your card was charged. Trying again…");
  sessionStorage.setItem(PAYING, orderId);
  try {
    const payment = await send("POST", "/api/payments", { orderId, token }, { key: keys.get(name), onRetry });
    say(form, "Your card was charged. This page shows it in a moment.");
    remember("payment", payment.id, 1);
    await refresh();
  } catch (error) {
    if (UNDER_WAY.includes(error.code)) return await waitForResult(form);
    if (!(error instanceof NoAnswer)) keys.delete(name);
    fail(form, error);
    if (error instanceof Refused && error.status === 409) await refresh();
  }
  sessionStorage.removeItem(PAYING);
}

/** Wait until the payment has ended that another request has begun: in another tab, or before a reload. */
async function waitForResult(form, isUnderWay = true) {
  try {
    while (form.isConnected) {
      const { payments } = await send("GET", `/api/payments?orderId=${form.dataset.pay}`);
      const status = payments[0]?.status;
      if (status === "pending") {
        isUnderWay = true;
        say(form, "A payment for this order is under way. Its result appears here by itself.");
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        continue;
      }
      say(form, "");
      if (status === "declined" && isUnderWay) fail(form, new Error("The payment was declined. Nothing was charged. Try again."));
      else if (status !== "declined") await refresh();
      break;
    }
  } catch (error) {
    fail(form, error);
  }
  sessionStorage.removeItem(PAYING);
}

function fail(form, error) {
  say(form, "");
  showErrors(form, error);
}

/** Say how far the payment is. */
function say(form, text) {
  show(form.querySelector("[data-pay-status]"), text);
}

const opened = document.querySelector("[data-pay]");
if (opened && sessionStorage.getItem(PAYING) === opened.dataset.pay) {
  busy(opened.querySelector("[type=submit]"), () => waitForResult(opened, false));
}

if (document.querySelector("[data-stripe-key]")) import("./stripe.js");

document.addEventListener("shop:order", ({ detail: change }) => {
  // The page of a ticket says whether it is held for this person, perhaps after a purchase in another tab.
  if (document.querySelector(`[data-order="${CSS.escape(change.id)}"], #offer`)) refresh();
});
