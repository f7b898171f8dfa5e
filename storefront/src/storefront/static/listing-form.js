// The form of a listing: what a seller has typed into it, and what has changed meanwhile.

const HIGHEST_PRICE = 999_999.99; // as in common.http.money
const NAMES = ["title", "price", "venue", "startsAt", "place.section", "place.row", "place.seat"];

/** Return what is wrong in the form as a list of `field` and `message`. The API checks the rest. */
export function problemsOf(form) {
  return NAMES.map((field) => ({ field, message: problemOf(form.elements[field]) })).filter(({ message }) => message);
}

function problemOf(input) {
  const text = input.value.trim();
  const length = [...text].length;
  if (input.validity.badInput) return "Complete the date and the time, or remove both.";
  if (!text) return input.dataset.empty;
  if (length > Number(input.dataset.most ?? Infinity)) return `Use at most ${input.dataset.most} characters. You have used ${length} characters.`;
  if (input.name === "price") return problemOfPrice(plain(text));
  if (input.type !== "datetime-local") return "";
  if (!/^\d{4}-/.test(text)) return "Enter a year of four digits.";
  return toLocal(text) === text.slice(0, 16) ? "" : "The clocks are put forward then, so there is no such time. Enter another one.";
}

/** Return the text of a price without its currency. */
function plain(text) {
  return text.replace(/^(US)?\$|\$$|USD$/i, "").trim();
}

function problemOfPrice(text) {
  const [whole, decimals] = text.split(/[.,](?=\d{1,2}$)/);
  if (/^[1-9]\d{0,2}([.,' ]\d{3})+$/.test(whole)) return `Write thousands without a point, comma or space, for example ${whole.replace(/\D/g, "")}.${decimals ?? "00"}.`;
  if (!/^\d+([.,]\d+)?$/.test(text)) return "Enter digits, with at most one point between them, such as 20 or 19.90.";
  if (!/^\d+([.,]\d\d?)?$/.test(text)) return "Enter at most two digits after the point, such as 19.90.";
  const price = Number(text.replace(",", "."));
  return price > 0 && price <= HIGHEST_PRICE ? "" : "Enter a price from $0.01 to $999,999.99.";
}

/** Return the body of the request. Fields that are empty are left out. */
export function listing(form) {
  const value = (name) => form.elements[name].value.trim() || undefined;
  const place = { section: value("place.section"), row: value("place.row"), seat: value("place.seat") };
  const startsAt = value("startsAt");
  return {
    title: form.elements.title.value,
    price: plain(form.elements.price.value.trim()).replace(",", "."),
    venue: value("venue"),
    startsAt: startsAt ? withOffset(startsAt, form.elements.startsAtNow?.value) : undefined,
    place: Object.values(place).some(Boolean) ? place : undefined,
  };
}

/** While the listing is sent, its fields cannot be changed, and the button says so. Return the function that ends this. */
export function lock(form, text) {
  const button = form.querySelector("[type=submit]");
  const before = button.textContent;
  const set = (isLocked) => {
    for (const name of NAMES) form.elements[name].readOnly = isLocked;
    button.textContent = isLocked ? text : before;
  };
  set(true);
  return () => set(false);
}

/** Return true if the ticket of the API shows exactly this listing. */
export function isListed(ticket, { title, price, venue, startsAt, place }) {
  const texts = (...each) => JSON.stringify(each.map((text) => text ?? ""));
  const { section, row, seat } = ticket.place ?? {};
  return texts(ticket.title, ticket.price, ticket.venue, ticket.startsAt, section, row, seat)
    === texts(title.trim(), Number(price), venue, startsAt, place?.section, place?.row, place?.seat);
}

/** From now on, the form shows this ticket as the API has answered it, and nothing in it counts as input. */
export function settle(form, ticket) {
  form.dataset.version = ticket.version;
  form.elements.startsAtNow.value = ticket.startsAt ?? "";
  const values = valuesOf(ticket);
  for (const [index, name] of NAMES.entries()) {
    const input = form.elements[name];
    input.value = input.defaultValue = values[index];
  }
}

/** Return what the fields show of a ticket, in the order of NAMES. */
function valuesOf({ title, price, venue, startsAt, place }) {
  const values = [title, price.toFixed(2), venue, toLocal(startsAt), place?.section, place?.row, place?.seat];
  return values.map((value) => value ?? "");
}

/**
 * Take over a newer version of the ticket, except where the seller has typed something. Say beside each field what has
 * changed. Return false if nothing has, for example because a buyer held the ticket in between.
 */
export function takeOver(form, ticket) {
  let hasChanged = false;
  const values = valuesOf(ticket);
  for (const [index, name] of NAMES.entries()) {
    const [input, now] = [form.elements[name], values[index]];
    const [typed, before] = [input.value, input.defaultValue];
    if (now === before) continue;
    hasChanged = true;
    input.defaultValue = now;
    input.value = typed === before ? now : typed;
    form.querySelector(`[data-error-for="${name}"]`).textContent = input.value === now
      ? `Changed meanwhile. Before, it was ${quoted(before)}.`
      : `Changed meanwhile. It is ${quoted(now)} now. If you save, it becomes what you have typed.`;
  }
  form.elements.startsAtNow.value = ticket.startsAt ?? "";
  form.dataset.version = ticket.version;
  return hasChanged;
}

function quoted(text) {
  return text ? `“${text.replace(/^(\d{4}-\d\d-\d\d)T/, "$1 ")}”` : "empty";
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
  if (!zoned) return "";
  const moment = new Date(zoned);
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function fillTimes() {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  for (const form of document.querySelectorAll("[data-listing]")) {
    form.querySelector("[data-zone]").textContent = ` (${timeZone})`;
    const now = form.elements.startsAtNow?.value;
    if (now) form.elements.startsAt.defaultValue = toLocal(now);
  }
}

document.addEventListener("shop:refreshed", fillTimes);
fillTimes();
