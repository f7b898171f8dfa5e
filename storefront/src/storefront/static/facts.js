// What a page says of a ticket's event: its title, when and where it is. The seller can change all of it.

const NAMES = ["title", "when", "venue", "place"];
const LONG_TITLE = 60; // as in ticket.html

/** Show the facts of a live change. */
export function writeFacts(ticket, change) {
  if (change.title === undefined) return; // an instance of an older version has sent it
  const place = (change.place ?? []).flatMap(([name, value], index) => [`${index ? ", " : ""}${name}\u00a0`, isolated(value)]);
  const facts = { title: [change.title], when: [change.when ?? ""], venue: [change.venue ?? ""], place };
  write(ticket, (name) => facts[name], change.startsAt);
}

/** Show the facts that this ticket has on a newer page. */
export function copyFacts(ticket, newer) {
  const found = (name) => newer.querySelector(`[data-${name}-text]`);
  write(ticket, (name) => found(name)?.childNodes, found("when")?.getAttribute("datetime"));
}

function write(ticket, nodesOf, startsAt) {
  let hasChanged = false;
  for (const name of NAMES) {
    const [place, nodes] = [ticket.querySelector(`[data-${name}-text]`), nodesOf(name)];
    if (!place || !nodes) continue;
    const before = place.textContent;
    place.replaceChildren(...[...nodes].map((each) => each.cloneNode?.(true) ?? each));
    hasChanged ||= place.textContent !== before;
    if (name === "when") place.dateTime = startsAt ?? "";
    const line = place.closest(".details, .facts > div");
    if (line) line.hidden = !place.textContent;
  }
  if (hasChanged) tell(ticket);
}

/** On the page of one ticket, the title of the page changes, too, and a person reads that something is different. */
function tell(ticket) {
  const heading = ticket.querySelector("h1");
  if (!heading) return;
  heading.classList.toggle("long", [...heading.textContent].length > LONG_TITLE);
  document.title = heading.textContent + document.title.slice(document.title.lastIndexOf(" · "));
  const note = ticket.querySelector("[data-note]");
  if (note && !("buying" in ticket.dataset)) note.textContent = "The seller has just changed this ticket.";
}

/** Return an element whose direction of writing does not change that of the text around it. */
function isolated(text) {
  const element = document.createElement("bdi");
  element.textContent = text;
  return element;
}
