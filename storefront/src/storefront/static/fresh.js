// Loads the page again in the background, and replaces the parts that can change. What a person has typed stays.

import { copyFacts } from "./facts.js";
import { restartClocks } from "./times.js";

const CHANGING = ["data-v", "data-version", "data-state", "data-shown"];
const RETRY_MS = [300, 600]; // at random between them, so that not all pages ask at the same moment
let loading = null;
let next = null;
let later = null; // the timer of the next load
let arrived = []; // what has changed during the load
let shownTo = document.body.dataset.signedIn; // whose page this is

/** Load the present state of this page. A call during a load waits for one more load, because the first may be older. */
export function refresh() {
  if (!loading) return (loading = load().finally(() => { loading = null; }));
  next ??= loading.then(() => {
    next = null;
    return refresh();
  });
  return next;
}

document.addEventListener("shop:ticket", ({ detail }) => { if (loading) arrived.push(detail); });

/** The time until the next try while the shop does not answer. */
export function retryPause() {
  return RETRY_MS[0] + Math.random() * (RETRY_MS[1] - RETRY_MS[0]);
}

/** Return the page at this address, or null if it has none for us. Throws if the shop does not answer. */
async function read(address) {
  const response = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (response.status >= 500) throw new Error(`answered ${response.status}`);
  if (!response.ok && ![403, 404].includes(response.status)) return null;
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

function placeIn(page, id) {
  return page?.querySelector(`[data-ticket="${CSS.escape(id)}"]`);
}

async function load() {
  arrived = [];
  const places = [...document.querySelectorAll("[data-ticket]")].filter((each) => !each.closest("[data-fresh]"));
  let page, arrivedAt, others = null;
  try {
    page = await read(location.href);
    arrivedAt = performance.now();
    if (!page) return;
    // The list has lost those that nobody can buy any more. They are still on this page, and change their state there.
    const left = places.map((each) => each.dataset.ticket).filter((id) => !placeIn(page, id));
    if (left.length) others = await read(`/tickets?${left.map((id) => `id=${encodeURIComponent(id)}`).join("&")}`);
  } catch {
    refreshAfter(retryPause());
    return;
  }
  document.body.dataset.position = page.body.dataset.position;
  restartClocks(Number(page.body.dataset.now), arrivedAt);
  for (const part of document.querySelectorAll("#nav, #account")) update(part, page.getElementById(part.id));
  if (!isForReader(page)) return;
  for (const part of document.querySelectorAll("[data-fresh]")) {
    const newer = page.getElementById(part.id);
    if (newer) update(part, newer);
    else part.replaceChildren();
  }
  for (const ticket of places) {
    const newer = placeIn(page, ticket.dataset.ticket) ?? placeIn(others, ticket.dataset.ticket);
    if (newer) copyTicket(ticket, newer);
  }
  syncForm(page);
  // What has changed during the load may be newer than the page that we have loaded.
  for (const detail of arrived.splice(0)) document.dispatchEvent(new CustomEvent("shop:ticket", { detail }));
  document.dispatchEvent(new CustomEvent("shop:refreshed"));
  refreshIfLate();
}

function refreshAfter(milliseconds) {
  clearTimeout(later);
  later = setTimeout(refresh, milliseconds);
}

/** The page says that it is not current yet. It also says after how many milliseconds it may be. */
function refreshIfLate() {
  const notice = document.querySelector("[data-again]");
  if (notice) refreshAfter(Number(notice.dataset.again));
}

function update(part, newer) {
  if (!newer) return;
  if ("rows" in part.dataset) updateRows(part, newer);
  else if (part.innerHTML !== newer.innerHTML && !hasInput(part)) replace(part, newer);
}

/**
 * Renew a list row by row. A row in which somebody types, or whose listing has the same version, keeps its form and only
 * shows the new state of its ticket. Replacing all forms of a full list would keep the browser busy for up to 250 ms. What
 * a seller has just saved is newer than a list that is late.
 */
function updateRows(list, newer) {
  const rowIn = (rows, { dataset }) => [...rows.children].find((each) => each.dataset.ticket === dataset.ticket);
  for (const row of [...list.children]) {
    const [fresh, isTyped] = [rowIn(newer, row), hasInput(row)];
    if (isWithdrawn(row) || versionOf(fresh) < versionOf(row)) continue;
    if (fresh && (isTyped || versionOf(fresh) === versionOf(row))) copyTicket(row, fresh);
    else if (fresh) replace(row, fresh);
    else if (!isTyped) {
      if (row.contains(document.activeElement)) focus(null, list);
      row.remove();
    }
  }
  let above = null;
  for (const fresh of [...newer.children]) {
    const row = rowIn(list, fresh) ?? fresh;
    if (row === fresh) list.insertBefore(fresh, above ? above.nextSibling : list.firstChild);
    above = row;
  }
}

/**
 * A withdrawn ticket stays in its place until the seller loads the page. The newer list does not have it, or still has it
 * as it was before. While the button is busy, the withdrawal has no answer yet, but the newer list can know it.
 */
function isWithdrawn(row) {
  return row.dataset.state === "withdrawn" || row.querySelector("[data-withdraw][aria-disabled]");
}

function versionOf(row) {
  return Number(row?.querySelector("form")?.dataset.version ?? NaN);
}

/**
 * Take over who is signed in now. Return false if the page stays as it is: the loaded one only asks a person to sign in, or
 * it is the page of another person, which is then loaded anew.
 */
function isForReader(page) {
  const { signedIn } = page.body.dataset;
  if (signedIn) document.body.dataset.signedIn = signedIn;
  else delete document.body.dataset.signedIn;
  const [asked, asks] = [document, page].map((each) => each.querySelector("[data-sign-in-first]") !== null);
  document.getElementById("signed-out").hidden = asked || !asks;
  if (asks) return asked;
  const isOther = asked || (shownTo && signedIn && shownTo !== signedIn);
  // What the other person has typed stays, but not among what only that person may see.
  if (isOther && (document.getElementById("selling") || !hasInput(document.getElementById("main")))) {
    location.reload();
    return false;
  }
  shownTo = signedIn;
  return true;
}

function replace(part, newer) {
  const focused = part.contains(document.activeElement) ? selectorOf(document.activeElement) : null;
  const opened = [...part.querySelectorAll("details[open]")].map(selectorOf);
  for (const name of part.getAttributeNames()) if (name.startsWith("data-")) part.removeAttribute(name);
  for (const name of newer.getAttributeNames()) part.setAttribute(name, newer.getAttribute(name));
  part.replaceChildren(...newer.childNodes);
  for (const each of opened) part.querySelector(each)?.setAttribute("open", "");
  if (focused) focus(part.querySelector(focused), part);
}

/** Move the focus to an element. If it cannot have the focus, a person goes on with Tab from the part. */
function focus(element, part) {
  element?.focus();
  if (element && document.activeElement === element) return;
  part.tabIndex = -1;
  part.focus();
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
  copyFacts(ticket, newer);
}

/** The payment form is there exactly while the order can be paid. It is not replaced, because somebody may use it. */
function syncForm(page) {
  const [here, there] = [document.getElementById("pay"), page.getElementById("pay")];
  if (!here || there) return;
  const hadFocus = here.contains(document.activeElement);
  here.remove();
  if (hadFocus) focus(null, document.getElementById("order"));
}

refreshIfLate();
