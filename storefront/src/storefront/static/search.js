// The list is sorted and filtered as soon as a person chooses. Without JavaScript, the button does it.

document.addEventListener("change", (event) => {
  if (event.target.closest("[data-submits]")) event.target.form.requestSubmit();
});
