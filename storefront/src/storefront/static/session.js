// Sign in, sign up and sign out, on the page where a person is.

import { send } from "./api.js";
import { busy, clearErrors, show, showErrors } from "./forms.js";
import { refresh } from "./fresh.js";

let waiting = null; // what a person was about to do when we asked them to sign in

/** Return true if the person is signed in, or signs in now. Return false if they close the form. */
export function signedIn() {
  if ("signedIn" in document.body.dataset) return Promise.resolve(true);
  const dialog = document.getElementById("signin");
  if (!dialog) {
    // The page was made for a person who has signed out since, in another tab, or whose session is over.
    location.assign(`/signin?next=${encodeURIComponent(location.pathname)}`);
    return Promise.resolve(false);
  }
  return new Promise((resolve) => {
    waiting = resolve;
    open("signin");
  });
}

function open(id) {
  for (const other of document.querySelectorAll("dialog[open]")) other.close("switch");
  const dialog = document.getElementById(id);
  for (const button of dialog.querySelectorAll("[data-close]")) button.hidden = false;
  dialog.returnValue = "";
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  const dialog = opener && document.getElementById(opener.dataset.open);
  if (dialog?.showModal && !opener.closest("main form")) {
    event.preventDefault();
    open(opener.dataset.open);
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
  const out = event.target.closest("[data-signout]");
  if (out) busy(out, signOut);
});

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "switch") return;
    waiting?.(dialog.returnValue === "done");
    waiting = null;
  });
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-account]");
  if (!form) return;
  event.preventDefault();
  busy(form.querySelector("[type=submit]"), () => signIn(form));
});

async function signIn(form) {
  clearErrors(form);
  const credentials = { email: form.elements.email.value.trim(), password: form.elements.password.value };
  try {
    const repeatable = form.dataset.account === "signin"; // a repeated sign-up would say that the address is taken
    await send("POST", `/api/users/${form.dataset.account}`, credentials, { repeatable });
  } catch (error) {
    showErrors(form, error);
    return;
  }
  const dialog = form.closest("dialog");
  document.dispatchEvent(new CustomEvent("shop:session"));
  if (!dialog) {
    location.assign(form.dataset.next || "/");
    return;
  }
  document.body.dataset.signedIn = "";
  const goesOn = waiting !== null;
  dialog.close("done");
  // After "Buy", the purchase goes on. After a plain sign-in, the page shows what it has for this person.
  if (!goesOn) location.reload();
  else await refresh();
}

async function signOut() {
  try {
    await send("POST", "/api/users/signout", undefined, { repeatable: true });
  } catch (error) {
    show(document.getElementById("connection"), error.message);
    return;
  }
  document.dispatchEvent(new CustomEvent("shop:session"));
  location.assign("/");
}
