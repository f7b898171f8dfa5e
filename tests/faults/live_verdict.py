"""Compares what the pages have shown with what the owners said at the same time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from faults.live_page import LivePage, Shown
from faults.live_truth import Fact, Spell

_ALL = {"storefront", "nats", "mongod"}
NEEDED = {"state": _ALL | {"orders"}, "price": _ALL | {"tickets"}, "withdrawn": _ALL | {"orders", "tickets"}}
"""What a page needs to learn a price, that a ticket is withdrawn, and any other state. Anything else may be away."""


@dataclass(frozen=True)
class Outage:
    """Parts of the platform were away, from the fault until every process was ready again."""

    parts: frozenset[str]
    began: float
    ended: float


@dataclass(frozen=True)
class Late:
    """A page showed an outdated value for `seconds`. An outage of what it needs does not count, nor what was before."""

    seconds: float
    page: str
    fact: Fact
    shown: str
    wanted: str
    at: float
    after: Outage | None = None
    """The outage after which the page was late; None if the owner's change came later."""

    before: str = "no outage"
    """When the page began to show the value, and the last outage, of whatever parts."""

    @property
    def is_sold_shown_on_sale(self) -> bool:
        return (self.shown, self.wanted) == ("on-sale", "sold")

    def __str__(self) -> str:
        since = f"after the outage of {', '.join(sorted(self.after.parts))}" if self.after else "after the change"
        what = f"{self.fact[1]} {self.shown} of {self.fact[0]}, which is {self.wanted}"
        return f"{self.page} shows {what}, {self.seconds:.2f} s {since} ({self.before})"


@dataclass(frozen=True)
class Record:
    """What happened in a run: what the owners said, and what was away."""

    history: Mapping[Fact, Sequence[Spell]]
    outages: Sequence[Outage]
    end: float

    def lateness(self, page: LivePage) -> Iterator[Late]:
        """Yield how late the page was each time that it showed an outdated value."""
        for fact, shown in page.shown.items():
            closed = Shown("", min(page.closed_at or self.end, self.end))
            for each, following in pairwise([*shown, closed]):
                yield from self._lateness(page.path, fact, each, following.at)

    def _lateness(self, page: str, fact: Fact, shown: Shown, until: float) -> Iterator[Late]:
        spells = self.history[fact]
        true = [spell for spell in spells if spell.value == shown.value]
        # It becomes later and later until the value is replaced, or is true again, or an outage begins.
        moments = {until, *(each.began for each in self.outages), *(spell.began for spell in true)}
        for at in sorted(moment for moment in moments if shown.at < moment <= until):
            wanted = next((spell.value for spell in reversed(spells) if spell.began < at), shown.value)
            known = [each for each in self.outages if each.parts & _needed(fact, wanted) and each.began < at]
            if wanted == shown.value or any(at <= outage.ended for outage in known):
                continue
            last_true = max((spell.ended for spell in true if spell.began < at), default=float("-inf"))
            after = max(known, key=lambda outage: outage.ended, default=None)
            if after is not None and after.ended < last_true:
                after = None
            since = after.ended if after else last_true
            how = "loaded" if shown.asked else "live"
            before = f"{how} {at - shown.at:.1f} s before; {self._before(at)}"
            yield Late(at - since, page, fact, shown.value, wanted, at, after, before)

    def _before(self, at: float) -> str:
        """Name the last outage of any part, for people who look for the cause."""
        begun = [each for each in self.outages if each.began < at]
        if not begun:
            return "no outage"
        last = begun[-1]
        return (
            f"outage of {', '.join(sorted(last.parts))}, from {at - last.began:.1f} to {at - last.ended:.1f} s before"
        )

    def older_loads(self, pages: Sequence[LivePage]) -> Iterator[str]:
        """Find each load that showed an older value than an open page had shown before the load began."""
        for fact, spells in self.history.items():
            displays = sorted(
                (shown.at, number, page.path)
                for page in pages
                for shown, number in _at_least(page.shown.get(fact, ()), spells)
            )
            loads = ((page.path, load) for page in pages for load in page.shown.get(fact, ()) if load.asked is not None)
            for path, load in loads:
                newest = max(_possible(load, spells), default=-1)
                before = [each for each in displays if each[0] < (load.asked or 0) and each[1] > newest]
                if before:
                    at, number, other = before[0]
                    yield (
                        f"{path} was loaded with the {fact[1]} {load.value} of {fact[0]}, {load.at - at:.2f} s after "
                        f"{other} had shown {spells[number].value} ({self._before(load.at)})"
                    )


def _needed(fact: Fact, wanted: str) -> set[str]:
    return NEEDED["withdrawn" if wanted == "withdrawn" else fact[1]]


def _possible(shown: Shown, spells: Sequence[Spell]) -> list[int]:
    """Return the numbers of the spells that the page can have shown."""
    return [number for number, each in enumerate(spells) if each.value == shown.value and each.began <= shown.at]


def _at_least(shown: Sequence[Shown], spells: Sequence[Spell]) -> Iterator[tuple[Shown, int]]:
    """Yield with each value the number of the earliest spell that it can be, because a page does not go back."""
    earliest = 0
    for each in shown:
        if possible := [number for number in _possible(each, spells) if number >= earliest]:
            earliest = possible[0]
            yield each, earliest
