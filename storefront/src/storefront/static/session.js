// Sign in, sign up and sign out, on the page where a person is.

import { send, TRYING_AGAIN, whenSignedOut } from "./api.js";
import { busy, clearErrors, show, showErrors } from "./forms.js";
import { refresh } from "./fresh.js";
import { explained, missing } from "./session-errors.js";

const KEPT = "email"; // in the session storage, from the page /signin to /signup and back
let asking = null; // the answer to our question, while a person is asked to sign in
let answer = null;
let why = null; // what stands before and after "Sign in" in the reason

/**
 * Return true if the person is signed in, or signs in now. Return false if they close the form.
 * `purpose` goes on with "Sign in to …".
 */
export function signedIn(purpose) {
  return "signedIn" in document.body.dataset ? Promise.resolve(true) : ask(`to ${purpose}.`);
}

whenSignedOut(() => {
  delete document.body.dataset.signedIn;
  if (!asking) refresh(); // the header says it, too
  return ask("to go on.", "You are signed out. ");
});

function ask(purpose, before = "") {
  if (!document.getElementById("signin")) return Promise.resolve(false);
  asking ??= new Promise((resolve) => {
    answer = resolve;
    why = [before, purpose];
    open("signin");
  }).finally(() => { asking = null; });
  return asking;
}

function open(id) {
  const typed = email(document.querySelector("dialog[open] [data-account]"));
  for (const other of document.querySelectorAll("dialog[open]")) other.close("switch");
  const dialog = document.getElementById(id);
  const form = dialog.querySelector("[data-account]");
  const title = dialog.querySelector("h2").textContent;
  show(dialog.querySelector("[data-why]"), why ? `${why[0]}${title} ${why[1]}` : "");
  for (const button of dialog.querySelectorAll("[data-close]")) button.hidden = false;
  dialog.returnValue = "";
  dialog.showModal();
  if (!typed) return;
  form.elements.email.value = typed;
  form.elements.password.focus();
}

function email(form) {
  return form?.elements.email.value.trim() ?? "";
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  const dialog = opener && document.getElementById(opener.dataset.open);
  if (dialog?.showModal) {
    event.preventDefault();
    open(opener.dataset.open);
  } else if (opener) keepEmail(opener.closest("[data-account]"));
  if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
  const reveal = event.target.closest("[data-reveal]");
  if (reveal) showPassword(reveal, reveal.parentElement.querySelector("input").type === "password");
  const out = event.target.closest("[data-signout]");
  if (out) busy(out, signOut);
});

function keepEmail(form) {
  if (email(form)) sessionStorage.setItem(KEPT, email(form));
}

function fillKeptEmail() {
  const form = document.querySelector("main [data-account]");
  if (!form) return;
  form.elements.email.value ||= sessionStorage.getItem(KEPT) ?? "";
  sessionStorage.removeItem(KEPT);
}

function showPassword(button, isShown) {
  button.parentElement.querySelector("input").type = isShown ? "text" : "password";
  button.firstChild.data = isShown ? "Hide" : "Show";
}

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "switch") return;
    why = null;
    answer?.(dialog.returnValue === "done");
    answer = null;
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
  showPassword(form.querySelector("[data-reveal]"), false); // password managers look for a password
  const credentials = { email: email(form), password: form.elements.password.value };
  let user;
  try {
    const repeatable = form.dataset.account === "signin"; // a repeated sign-up would say that the address is taken
    if (missing(form)) throw missing(form);
    const onRetry = () => show(form.querySelector("[data-form-error]"), TRYING_AGAIN);
    user = await send("POST", `/api/users/${form.dataset.account}`, credentials, { repeatable, asks: false, onRetry });
    clearErrors(form);
  } catch (error) {
    showErrors(form, explained(error, form));
    return;
  }
  document.dispatchEvent(new CustomEvent("shop:session"));
  const dialog = form.closest("dialog");
  if (!dialog) {
    location.assign(form.dataset.next || "/");
    return;
  }
  document.body.dataset.signedIn = user.id;
  dialog.close("done");
  await refresh(); // what a person was about to do goes on meanwhile
}

async function signOut() {
  try {
    await send("POST", "/api/users/signout", undefined, { repeatable: true, asks: false });
  } catch (error) {
    show(document.getElementById("connection"), error.message);
    return;
  }
  document.dispatchEvent(new CustomEvent("shop:session"));
  location.assign("/");
}

fillKeptEmail();
