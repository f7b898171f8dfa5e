// The rows of "My listings": what has become of a ticket, and that no row moves under the pointer of its seller.

import { show } from "./forms.js";

let rows = document.querySelector("#selling .rows");
let focused = null;
let saved = null;

export function rowOf(ticketId, page = document) {
  return page.querySelector(`#selling [data-ticket="${CSS.escape(ticketId)}"]`);
}

/** Say something to a person who does not see the page. */
export function say(text) {
  document.querySelector("[data-said]").textContent = text;
}

/** Say in the row of a ticket that its change is saved, until another one is. The page may load the row again meanwhile. */
export function markSaved(ticketId) {
  saved = ticketId;
  showMark();
  say("Saved.");
}

function showMark() {
  if (saved) show(rowOf(saved)?.querySelector("[data-saved]"), "Saved.");
}

/**
 * A withdrawn ticket stays in its place until the seller loads the page. The newer list does not have it, or still has it
 * as it was before.
 */
function keepWithdrawn() {
  const selling = document.getElementById("selling");
  if (!rows || !selling || rows.isConnected) return;
  const before = [...rows.children];
  const list = selling.querySelector(".rows") ?? selling.appendChild(rows.cloneNode(false));
  const placeOf = (row) => [...list.children].find((each) => each.dataset.ticket === row.dataset.ticket);
  for (const [index, row] of before.entries()) {
    if (!isWithdrawn(row)) continue;
    const older = placeOf(row);
    const above = before.slice(0, index).reverse().map(placeOf).find(Boolean);
    if (older) older.replaceWith(row);
    else if (above) above.after(row);
    else list.prepend(row);
  }
  rows = list;
  if (document.activeElement === selling && rows.contains(focused)) focused.focus();
}

/** The list can be newer than the state in the row: while the button is busy, the withdrawal has no answer yet. */
function isWithdrawn(row) {
  return row.dataset.state === "withdrawn" || row.querySelector("[data-withdraw][aria-disabled]");
}

/** What a seller types stays while somebody buys the ticket, but it cannot be saved. */
function block() {
  for (const form of document.querySelectorAll("#selling [data-listing]")) {
    const row = form.closest("[data-ticket]");
    const save = form.querySelector("[type=submit]");
    const isBlocked = !["on-sale", "over"].includes(row.dataset.state);
    if (isBlocked) row.querySelector("[data-question]").open = false;
    if (isBlocked && !save.disabled && form.parentElement.open) say(row.querySelector(`[data-when="${row.dataset.state}"]`).textContent);
    save.disabled = isBlocked;
  }
}

document.addEventListener("focusin", ({ target }) => { if (target.id !== "selling") focused = target; });
document.addEventListener("shop:ticket", () => queueMicrotask(block));
document.addEventListener("shop:refreshed", keepWithdrawn);
document.addEventListener("shop:refreshed", block);
document.addEventListener("shop:refreshed", showMark);
block();
