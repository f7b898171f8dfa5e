// To choose an order or other tickets changes nothing by itself. The page says what a person has to press.

document.addEventListener("change", ({ target }) => {
  const isChoice = target.matches("select, [type=date], [type=checkbox]");
  if (isChoice && target.closest(".search")) document.getElementById("not-applied").hidden = false;
});
