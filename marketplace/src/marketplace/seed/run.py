"""Lists the seed data on a platform that is already running. The command `marketplace seed` calls run_seed()."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date

from rich.console import Console

from marketplace.demo.run import STEP_TIMEOUT, client_of, run_on_platform
from marketplace.demo.screen import Screen
from marketplace.demo.session import Session
from marketplace.seed.answers import Place, TicketPage, User
from marketplace.seed.listings import PASSWORD, Listing, listings


def run_seed(gateway: str, *, console: Console | None = None, timeout: float | None = None) -> int:
    """List the tickets that are not on sale yet at the platform whose gateway has the URL `gateway`.

    Return the exit status, as run_demo does. A listing is missing if its seller has no ticket on sale with this title
    and this place. So a second run lists nothing, except for tickets that an order holds or has bought since then.
    """
    return run_on_platform(gateway, lambda screen: _seed(gateway, screen, timeout), console=console, timeout=timeout)


def _seed(gateway: str, screen: Screen, timeout: float | None) -> None:
    wanted = list(listings(date.today()))  # noqa: DTZ011 - the events are in the time zone of this machine
    emails = list(dict.fromkeys(each.email for each in wanted))
    missing_at: list[int] = []  # how many were missing at each attempt
    with ExitStack() as stack, screen.progress("Listing tickets", len(wanted)) as show_done:
        sessions = {
            email: Session(stack.enter_context(client_of(gateway)), screen, timeout or STEP_TIMEOUT) for email in emails
        }
        user_ids = {email: User.read(sessions[email].sign_up_or_in(email, PASSWORD)).id for email in emails}

        def list_missing() -> None:
            missing = _missing(sessions[emails[0]], wanted, user_ids)
            missing_at.append(len(missing))
            for number, each in enumerate(missing):
                show_done(len(wanted) - len(missing) + number)
                sessions[each.email].send("POST", "/api/tickets", (201,), each.body())
            show_done(len(wanted))

        # A request without an answer may have listed its ticket. So the next attempt first looks what is on sale.
        sessions[emails[0]].repeat(list_missing)
    new = missing_at[0]
    screen.text(f"{len(wanted)} tickets of {len(emails)} sellers are on sale, {new} of them new: {gateway}")
    screen.text(f"To try the platform as a seller, sign in as {emails[0]} with the password “{PASSWORD}”.")
    screen.text("To try it as a buyer, sign up in the shop with any e-mail address.")


def _missing(session: Session, wanted: Sequence[Listing], user_ids: Mapping[str, str]) -> list[Listing]:
    """Return the listings that are not on sale."""
    missing = {(user_ids[each.email], each.title, each.place): each for each in wanted}
    cursor: str | None = ""
    while missing and cursor is not None:
        page = session.get(f"/api/tickets?limit=100{cursor and f'&cursor={cursor}'}", TicketPage)
        for ticket in page.tickets:
            missing.pop((ticket.user_id, ticket.title, ticket.place or Place()), None)
        cursor = page.next_cursor
    return list(missing.values())
