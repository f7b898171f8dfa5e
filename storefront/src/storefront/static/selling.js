// List a ticket for sale, change a listing, or withdraw it.

import { Refused, remember, send } from "./api.js";
import { busy, clearErrors, show, showErrors } from "./forms.js";
import { refresh } from "./fresh.js";
import { isListed, listing, problemsOf, settle, takeOver } from "./listing-form.js";
import { markSaved, rowOf, say } from "./own-rows.js";
import { signedIn } from "./session.js";

const MEANWHILE = "This listing has changed meanwhile, perhaps in another tab. Look at the fields below, then save again.";
const HELD = "Somebody is buying or has bought this ticket, so it cannot be";
const REFUSED = { "ticket-held": `${HELD} changed.`, "not-found": "You have withdrawn this ticket, so it cannot be changed." };

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-listing]");
  if (!form) return;
  event.preventDefault();
  busy(form.querySelector("[type=submit]"), () => save(form));
});

async function save(form) {
  clearErrors(form);
  const errors = problemsOf(form);
  if (errors.length) return showErrors(form, new Refused(422, { errors }));
  const purpose = form.dataset.listing ? "save your change" : "put your ticket on sale";
  if (!(await signedIn(`${purpose}. What you have typed stays here`))) return;
  try {
    if (form.dataset.listing) return await change(form);
    const ticket = await send("POST", "/api/tickets", listing(form));
    remember("ticket", ticket.id, ticket.version);
    location.assign("/selling");
  } catch (error) {
    showErrors(form, error.code in REFUSED ? new Error(REFUSED[error.code]) : error);
  }
}

async function change(form) {
  const path = `/api/tickets/${form.dataset.listing}`;
  const wanted = listing(form);
  let ticket;
  try {
    ticket = await send("PUT", path, { ...wanted, version: Number(form.dataset.version) });
  } catch (error) {
    if (error.code !== "ticket-changed") throw error;
    ticket = await send("GET", path);
    // If the first answer was lost, this change was done already. If the listing is the same, nobody has changed it.
    if (!isListed(ticket, wanted)) {
      if (!takeOver(form, ticket)) return await change(form);
      return showErrors(form, new Error(MEANWHILE));
    }
  }
  remember("ticket", ticket.id, ticket.version);
  settle(form);
  await showSaved(ticket.id);
}

/** Close the form, and show what is listed now, on the same page. */
async function showSaved(ticketId) {
  const old = rowOf(ticketId);
  old.querySelector(".change").open = false;
  await refresh();
  if (rowOf(ticketId) === old) await renew(old); // somebody types into another form, so the list stays as it is
  rowOf(ticketId).querySelector(".change > summary").focus();
  markSaved(ticketId);
}

async function renew(row) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" }).catch(() => null);
  const page = new DOMParser().parseFromString((await answer?.text()) ?? "", "text/html");
  const newer = rowOf(row.dataset.ticket, page);
  if (newer) row.replaceWith(newer);
  document.dispatchEvent(new CustomEvent("shop:refreshed"));
}

// Withdrawing cannot be undone, so the page asks first. The second click of a double click does nothing.
document.addEventListener("click", (event) => {
  const question = event.target.closest("[data-question]");
  if (!question) return;
  const button = event.target.closest("[data-withdraw]");
  if (button) busy(button, () => withdraw(button));
  else if (event.target.closest("summary, [data-keep]")) {
    event.preventDefault();
    if (event.detail < 2) ask(question, !question.open);
  }
});

document.addEventListener("keydown", (event) => {
  const question = event.key === "Escape" && event.target.closest("[data-question][open]");
  if (question) ask(question, false);
});

function ask(question, isAsked) {
  show(question.parentElement.querySelector("[data-withdraw-error]"), "");
  question.open = isAsked;
  question.querySelector(isAsked ? "[data-keep]" : "summary").focus();
}

async function withdraw(button) {
  const row = () => rowOf(button.dataset.withdraw);
  show(row().querySelector("[data-withdraw-error]"), "");
  try {
    await send("DELETE", `/api/tickets/${button.dataset.withdraw}`);
  } catch (error) {
    const text = error.code === "ticket-held" ? `${HELD} withdrawn.` : error.message;
    return show(row()?.querySelector("[data-withdraw-error]"), text);
  }
  remember("ticket", button.dataset.withdraw, Number(button.dataset.version) + 1);
  say("Withdrawn.");
  const place = row();
  if (!place) return;
  place.dataset.state = "withdrawn";
  place.querySelector("[data-state-text]").textContent = "Withdrawn";
  place.querySelector("[data-when='withdrawn']").focus();
}
