// Shows the errors of a form beside its fields, and keeps a form from being sent twice.

import { Refused } from "./api.js";

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

/** Run `work` while the button is disabled. A second click then does nothing. */
export async function busy(button, work) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

function sentence(message) {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
