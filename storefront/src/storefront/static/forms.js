// Shows the errors of a form beside its fields, and keeps a form from being sent twice.

import { Refused } from "./api.js";

const DOUBLE_CLICK_MS = 500;
const running = new Set(); // the commands of all buttons that are disabled

/** Remove all errors of the form. */
export function clearErrors(form) {
  for (const error of form.querySelectorAll("[data-error-for]")) error.textContent = "";
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  show(form.querySelector("[data-form-error]"), "");
}

/** Show an error of the API: beside the field that it names, or else at the top of the form. */
export function showErrors(form, error) {
  const general = [];
  let first = null;
  for (const { field, message } of error instanceof Refused ? error.errors : []) {
    const place = field ? form.querySelector(`[data-error-for="${CSS.escape(field)}"]`) : null;
    const input = field ? form.elements.namedItem(field) : null;
    if (!place || !input) {
      general.push(message);
      continue;
    }
    place.textContent = sentence(message);
    input.setAttribute?.("aria-invalid", "true");
    first ??= input;
  }
  if (!first && general.length === 0) general.push(error.message);
  show(form.querySelector("[data-form-error]"), general.map(sentence).join(" "));
  (first ?? form.querySelector("[data-form-error]"))?.focus?.();
}

/** Show a text in an element, or hide the element if the text is empty. */
export function show(element, text) {
  if (!element) return;
  element.textContent = text;
  element.hidden = !text;
}

/**
 * Run `work` while the button is disabled. A second click then does nothing.
 *
 * The page may put a new button in the place of this one meanwhile. The second half of a double click then meets the new
 * button, so this one does nothing either, until some time after the end.
 */
export async function busy(button, work) {
  const command = commandOf(button);
  if (running.has(command)) return;
  running.add(command);
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-disabled");
    if (button.isConnected) running.delete(command);
    else endSoon(command);
  }
}

function endSoon(command) {
  const newer = [...document.querySelectorAll("button")].find((each) => commandOf(each) === command);
  newer?.setAttribute("aria-disabled", "true");
  setTimeout(() => {
    running.delete(command);
    newer?.removeAttribute("aria-disabled");
  }, DOUBLE_CLICK_MS);
}

/** Return what a button and the one in its place have in common, for example `extend 65f0c0ffee00000000000020`. */
function commandOf(button) {
  const [first] = Object.entries(button.dataset);
  return first ? first.join(" ") : button;
}

function sentence(message) {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
