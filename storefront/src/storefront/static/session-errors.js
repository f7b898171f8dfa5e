// Says in plain words what is wrong with an e-mail address or a password.

import { Refused } from "./api.js";

const WRONG = "The e-mail address or the password is wrong.";
const LEAST_CHARACTERS = 8;
const TOO_SHORT = `Choose a password of at least ${LEAST_CHARACTERS} characters.`; // stands in the place of the hint

/** Return an error that names the empty fields, or null if there is none. */
export function missing(form) {
  const { email, password } = form.elements;
  const errors = [];
  if (!email.value.trim()) errors.push({ field: "email", message: "Enter your e-mail address." });
  if (!password.value) errors.push({ field: "password", message: isSignUp(form) ? TOO_SHORT : "Enter your password." });
  return errors.length ? new Refused(422, { detail: "", errors }) : null;
}

/** Return what to say about an error of the API. If the address has an account, also offer to sign in with it. */
export function explained(error, form) {
  if (!(error instanceof Refused)) return error;
  const isKnown = error.code === "email-taken";
  const offer = form.querySelector("[data-known]");
  if (offer) offer.hidden = !isKnown;
  if (isKnown) return refused(error, [{ field: "email", message: "There is an account with this address already." }]);
  const isWrong = !isSignUp(form) && error.errors.some(({ field }) => field === "password") && form.elements.password.value;
  return isWrong ? refused(error, [{ message: WRONG }]) : refused(error, error.errors.map((each) => inPlainWords(each, form)));
}

function inPlainWords({ field, message }, form) {
  const { email, password } = form.elements;
  if (field === "email" && email.value.trim()) return { field, message: "This is not an e-mail address. One looks like name@example.com." };
  const isShort = field === "password" && password.value && [...password.value].length < LEAST_CHARACTERS;
  return { field, message: isShort ? TOO_SHORT : message };
}

function refused(error, errors) {
  return new Refused(error.status, { detail: error.message, type: error.code, errors });
}

function isSignUp(form) {
  return form.dataset.account === "signup";
}
