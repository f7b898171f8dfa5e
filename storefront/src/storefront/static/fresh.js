// Loads the page again in the background, and replaces the parts that can change. What a person has typed stays.

import { restartClocks } from "./times.js";

const CHANGING = ["data-v", "data-version", "data-state", "data-shown"];
const RETRY_MS = 1000;
const MOST_LOADS = 3;
let loading = null;
let next = null;
let changes = 0; // how many live changes of the tickets on this page have arrived

/** Load the present state of this page. A call during a load waits for one more load, because the first may be older. */
export function refresh() {
  if (!loading) return (loading = load().finally(() => { loading = null; }));
  next ??= loading.then(() => {
    next = null;
    return refresh();
  });
  return next;
}

document.addEventListener("shop:ticket", ({ detail: change }) => {
  if (document.querySelector(`[data-ticket="${CSS.escape(change.id)}"]`)) changes += 1;
});

async function load(loads = 1) {
  const before = changes;
  let page, arrivedAt;
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    arrivedAt = performance.now();
    if (response.status >= 500) setTimeout(refresh, RETRY_MS);
    if (!response.ok && response.status !== 404) return;
    page = new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    return; // the live connection calls again when the shop answers
  }
  // What has arrived meanwhile is already shown, and this answer may be older.
  if (changes !== before && loads < MOST_LOADS) return await load(loads + 1);
  document.body.dataset.position = page.body.dataset.position;
  restartClocks(Number(page.body.dataset.now), arrivedAt);
  for (const part of document.querySelectorAll("[data-fresh], #account")) {
    const newer = page.getElementById(part.id);
    if (!newer) part.replaceChildren();
    else if (part.innerHTML !== newer.innerHTML && !hasInput(part)) replace(part, newer);
  }
  for (const ticket of document.querySelectorAll("[data-ticket]")) {
    const newer = page.querySelector(`[data-ticket="${CSS.escape(ticket.dataset.ticket)}"]`);
    if (newer && !ticket.closest("[data-fresh]")) copyTicket(ticket, newer);
  }
  syncForm(page);
  document.dispatchEvent(new CustomEvent("shop:refreshed"));
}

function replace(part, newer) {
  const focused = part.contains(document.activeElement) ? selectorOf(document.activeElement) : null;
  const opened = [...part.querySelectorAll("details[open]")].map(selectorOf);
  for (const name of part.getAttributeNames()) if (name.startsWith("data-")) part.removeAttribute(name);
  for (const name of newer.getAttributeNames()) part.setAttribute(name, newer.getAttribute(name));
  part.replaceChildren(...newer.childNodes);
  for (const each of opened) part.querySelector(each)?.setAttribute("open", "");
  if (focused) focus(part.querySelector(focused) ?? part);
}

/** Move the focus to an element. If it cannot have the focus by itself, a person goes on with Tab from there. */
function focus(element) {
  if (element.matches("[data-fresh]")) element.tabIndex = -1;
  element.focus();
}

/** Return true if somebody has typed into a form of this part. */
export function hasInput(part) {
  return [...part.querySelectorAll("input, textarea")].some((field) => field.value !== field.defaultValue);
}

/** Return a selector that finds the same element in the newer page. An element without an id is found in its ticket or order. */
function selectorOf(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  const own = attribute(element, (name) => name.startsWith("data-")) || element.localName;
  const around = element.parentElement.closest("[data-ticket], [data-order]");
  return around ? `${attribute(around, (name) => name === "data-ticket" || name === "data-order")} ${own}` : own;
}

function attribute(element, isWanted) {
  const name = element.getAttributeNames().find((each) => isWanted(each) && !CHANGING.includes(each));
  return name ? `[${name}="${CSS.escape(element.getAttribute(name))}"]` : "";
}

function copyTicket(ticket, newer) {
  ticket.dataset.state = newer.dataset.state;
  ticket.dataset.v = newer.dataset.v;
  for (const part of ["[data-state-text]", "[data-price-text]", "[data-until-text]"]) {
    const [old, fresh] = [ticket.querySelector(part), newer.querySelector(part)];
    if (old && fresh) replace(old, fresh);
    if (old && fresh) old.hidden = fresh.hidden;
  }
}

/** The payment form is there exactly while the order can be paid. It is not replaced, because somebody may use it. */
function syncForm(page) {
  const [here, there] = [document.getElementById("pay"), page.getElementById("pay")];
  if (!here || there) return;
  const hadFocus = here.contains(document.activeElement);
  here.remove();
  if (hadFocus) focus(document.getElementById("order"));
}
