// Keeps the form of a new listing in this tab until it is listed: what is typed, and the keys under which it was sent.

import { newKey } from "./api.js";

const KEPT = "listing";
const form = document.querySelector('[data-listing=""]');
const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
const reader = () => document.body.dataset.signedIn;
const isOwn = !kept.person || kept.person === reader();
let keys = (isOwn && kept.keys) || {};

/** Return the key for a listing. The same listing, sent again, has the same key, so it is put on sale once. */
export function keyFor(listing) {
  const key = (keys[JSON.stringify(listing)] ??= newKey());
  keep();
  return key;
}

/** The ticket is on sale. The same listing, sent once more, is another ticket. */
export function forgetDraft() {
  keys = {};
  sessionStorage.removeItem(KEPT);
}

function keep() {
  const values = Object.fromEntries([...form.elements].filter(({ name }) => name).map(({ name, value }) => [name, value]));
  sessionStorage.setItem(KEPT, JSON.stringify({ person: reader(), values, keys }));
}

for (const [name, value] of Object.entries((isOwn && kept.values) || {})) {
  if (form?.elements[name]) form.elements[name].value = value;
}
form?.addEventListener("input", keep);
