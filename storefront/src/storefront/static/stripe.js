// The card form of Stripe (the Payment Element). It runs in a frame of Stripe, so this page never sees a card number.
//
// Stripe makes a payment method of what the buyer has typed. The order's form then sends its id, as it sends the name of
// a test card without Stripe. A bank that asks the buyer to confirm (3-D Secure) has its place in `tokenOf`: between the
// payment method and the return.

import { show } from "./forms.js";

const NOT_LOADED = "The card form of Stripe could not be loaded. Reload the page to try again.";
const form = document.querySelector("[data-stripe-key]");
const stripe = form && window.Stripe ? window.Stripe(form.dataset.stripeKey) : null;
const elements = stripe?.elements({
  mode: "payment",
  amount: Number(form.dataset.amount),
  currency: form.dataset.currency,
  paymentMethodCreation: "manual",
  paymentMethodTypes: ["card"],
});
elements?.create("payment").mount("#card");
if (form && !elements) show(form.querySelector("[data-form-error]"), NOT_LOADED);

/** Return the id of a payment method for what the buyer has typed. Throws an Error with a sentence for the buyer. */
export async function tokenOf() {
  if (!elements) throw new Error(NOT_LOADED);
  const checked = await elements.submit();
  if (checked.error) throw new Error(checked.error.message);
  const { error, paymentMethod } = await stripe.createPaymentMethod({ elements });
  if (error) throw new Error(error.message);
  return paymentMethod.id;
}
