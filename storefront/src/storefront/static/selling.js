// List a ticket for sale, change a listing, or withdraw it.

import { Refused, remember, send, TRYING_AGAIN } from "./api.js";
import { busy, clearErrors, show, showErrors } from "./forms.js";
import { refresh } from "./fresh.js";
import { forgetDraft, keyFor } from "./listing-draft.js";
import { isListed, listing, lock, problemsOf, settle, takeOver } from "./listing-form.js";
import { forget, note, noteListed, rowOf, say, showAnswer } from "./own-rows.js";
import { signedIn } from "./session.js";

const MEANWHILE = "This listing has changed meanwhile, perhaps in another tab. Look at the fields below, then save again.";
const HELD = "Somebody is buying or has bought this ticket, so it cannot be changed.";
const NOT_WITHDRAWN = "It was not withdrawn, because somebody is buying or has bought this ticket.";
const REFUSED = { "ticket-held": HELD, "not-found": "You have withdrawn this ticket, so it cannot be changed." };

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
    if (form.dataset.listing) await change(form);
    else await putOnSale(form);
  } catch (error) {
    showErrors(form, error.code in REFUSED ? new Error(REFUSED[error.code]) : error);
  }
}

async function putOnSale(form) {
  const unlock = lock(form, "Putting it on sale…");
  const wanted = listing(form);
  const onRetry = () => show(form.querySelector("[data-form-error]"), TRYING_AGAIN);
  try {
    const ticket = await send("POST", "/api/tickets", wanted, { key: keyFor(wanted), onRetry });
    remember("ticket", ticket.id, ticket.version);
    noteListed(ticket.id);
    clearErrors(form);
    location.assign("/selling");
    await new Promise((left) => window.addEventListener("pagehide", left, { once: true })); // a press meanwhile does nothing
    forgetDraft();
  } finally {
    unlock();
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
  settle(form, ticket);
  showAnswer(ticket);
  close(rowOf(ticket.id)); // the page may have loaded the row again meanwhile
  note(ticket.id, "Saved.");
  await refresh();
}

function open(change) {
  forget();
  change.open = true;
  change.scrollIntoView({ block: "nearest" });
  change.querySelector("input").focus();
}

function close(row) {
  const change = row.querySelector(".change");
  change.open = false;
  change.querySelector("summary").focus();
}

/** Close the form, and give up what was typed. */
function leave(form) {
  if (form.querySelector("[type=submit][aria-disabled]")) return; // it is being saved
  clearErrors(form);
  form.reset();
  close(rowOf(form.dataset.listing));
  refresh(); // the row was not loaded again meanwhile
}

document.addEventListener("click", (event) => {
  const change = event.target.closest(".change");
  if (!change) return;
  if (event.detail > 1 && event.target.closest("button")) return event.preventDefault(); // of a double click that opened the form
  if (event.target.closest("[data-leave]")) leave(event.target.form);
  if (!event.target.closest("summary")) return;
  event.preventDefault();
  open(change);
});

// Withdrawing cannot be undone, so the page asks first. The second click of a double click does nothing.
document.addEventListener("click", (event) => {
  const question = event.target.closest("#selling [data-question]");
  if (!question) return;
  const button = event.target.closest("[data-withdraw]");
  if (button) busy(button, () => withdraw(button));
  else if (event.target.closest("summary, [data-keep]")) {
    event.preventDefault();
    if (event.detail < 2) ask(question, !question.open);
  }
});

document.addEventListener("keydown", (event) => {
  const question = event.key === "Escape" && event.target.closest("#selling [data-question][open]");
  if (question) ask(question, false);
  const form = event.key === "Escape" && !event.isComposing && event.target.closest(".change form");
  if (form) leave(form);
});

function ask(question, isAsked) {
  forget();
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
    if (error.code !== "ticket-held") return show(row()?.querySelector("[data-withdraw-error]"), error.message);
    row().querySelector("[data-question]").open = false;
    note(button.dataset.withdraw, NOT_WITHDRAWN);
    row().querySelector("[data-done]").focus();
    return;
  }
  remember("ticket", button.dataset.withdraw, Number(button.dataset.version) + 1);
  say("Withdrawn.");
  const place = row();
  if (!place) return;
  place.dataset.state = "withdrawn";
  place.querySelector("[data-state-text]").textContent = "Withdrawn";
  place.querySelector("[data-when='withdrawn']").focus();
}

// The page of a ticket leads to its form.
const asked = rowOf(new URLSearchParams(location.search).get("ticket") ?? "")?.querySelector(".change");
if (asked && !asked.querySelector("[type=submit]").disabled) open(asked);
