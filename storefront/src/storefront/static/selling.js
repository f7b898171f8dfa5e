// List a ticket for sale.

import { remember, send } from "./api.js";
import { busy, clearErrors, showErrors } from "./forms.js";
import { signedIn } from "./session.js";

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-sell]");
  if (!form) return;
  event.preventDefault();
  busy(form.querySelector("[type=submit]"), () => list(form));
});

async function list(form) {
  clearErrors(form);
  if (!(await signedIn())) return;
  try {
    const ticket = await send("POST", "/api/tickets", { title: form.elements.title.value, price: form.elements.price.value.trim() });
    remember("ticket", ticket.id, ticket.version);
    location.assign("/selling");
  } catch (error) {
    showErrors(form, error);
  }
}
