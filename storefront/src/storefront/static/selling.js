// List a ticket for sale, change a listing, or withdraw it.

import { remember, send } from "./api.js";
import { busy, clearErrors, show, showErrors } from "./forms.js";
import { refresh } from "./fresh.js";
import { signedIn } from "./session.js";

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-listing]");
  if (!form) return;
  event.preventDefault();
  busy(form.querySelector("[type=submit]"), () => save(form));
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-withdraw]");
  if (button) busy(button, () => withdraw(button));
});

async function save(form) {
  clearErrors(form);
  if (!(await signedIn())) return;
  const ticketId = form.dataset.listing;
  try {
    const ticket = ticketId
      ? await send("PUT", `/api/tickets/${ticketId}`, listing(form))
      : await send("POST", "/api/tickets", listing(form));
    remember("ticket", ticket.id, ticket.version);
    location.assign("/selling");
  } catch (error) {
    showErrors(form, error);
  }
}

async function withdraw(button) {
  const place = button.parentElement.querySelector("[data-withdraw-error]");
  show(place, "");
  try {
    await send("DELETE", `/api/tickets/${button.dataset.withdraw}`);
    remember("ticket", button.dataset.withdraw, Number(button.dataset.version) + 1);
    await refresh();
  } catch (error) {
    show(place, error.message);
  }
}

/** Return the body of the request. Fields that are empty are left out. */
function listing(form) {
  const value = (name) => form.elements[name]?.value.trim() || undefined;
  const place = { section: value("place.section"), row: value("place.row"), seat: value("place.seat") };
  const startsAt = value("startsAt");
  return {
    title: form.elements.title.value,
    price: form.elements.price.value.trim().replace(",", "."),
    venue: value("venue"),
    startsAt: startsAt ? withOffset(startsAt, form.elements.startsAtNow?.value) : undefined,
    place: Object.values(place).some(Boolean) ? place : undefined,
  };
}

/** Return a local time with the offset of this computer's time zone on that day. An unchanged time keeps its own. */
function withOffset(local, now) {
  if (now && toLocal(now) === local) return now;
  const minutes = -new Date(local).getTimezoneOffset();
  const two = (number) => String(Math.trunc(Math.abs(number))).padStart(2, "0");
  return `${local.length === 16 ? `${local}:00` : local}${minutes < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/** Return a time with an offset as the form shows it, in the time zone of this computer: 2027-05-01T20:00. */
function toLocal(zoned) {
  const moment = new Date(zoned);
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function fillTimes() {
  for (const form of document.querySelectorAll("[data-listing]")) {
    const now = form.elements.startsAtNow?.value;
    if (now) form.elements.startsAt.defaultValue = toLocal(now);
  }
}

document.addEventListener("shop:refreshed", fillTimes);
fillTimes();
