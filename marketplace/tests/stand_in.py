"""A stand-in of the platform, for the tests of the demo: it keeps the HTTP contract, or breaks it if a test asks."""

import secrets
import signal
import threading
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from marketplace.demo.story import DECLINED_CARD

EVENT_LAG = timedelta(milliseconds=15)
HOLD_SHRINKS_BY = 10
"""An order holds its ticket for a tenth of the requested time."""
KEYED = {"/api/orders", "/api/payments"}
"""The paths whose POST honours the Idempotency-Key."""


def now() -> datetime:
    return datetime.now(UTC)


def problem(status: int, detail: str, *, slug: str = "any") -> JSONResponse:
    urn = f"urn:ticket-marketplace:problem:{slug}"
    return JSONResponse({"type": urn, "title": detail, "status": status, "detail": detail, "errors": []}, status)


class StandIn:
    """The effect of an event is visible after EVENT_LAG. Each answer computes it from the clock."""

    def __init__(self) -> None:
        self.broken = ""
        self.refusal = "Somebody else has ordered this ticket."
        self.away: dict[str, int] = {}
        """How often a request ("POST /api/orders") is answered 503, untouched."""
        self.forgetful: set[str] = set()
        """Requests whose first 201 is lost: the work is done, and the client gets 502."""
        self.not_json = ""
        """The request ("POST /api/tickets") that is answered in plain text."""
        self.interrupted = ""
        """The request during which the user presses Ctrl-C."""
        self.keys: dict[tuple[str, str | None], list[Message]] = {}
        """The answers to keep for a repeated Idempotency-Key."""
        self.in_flight: set[tuple[str, str | None]] = set()
        self.users: dict[str, str] = {}
        self.tickets: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.app = Starlette(
            routes=[
                Route("/api/users/currentuser", lambda _: JSONResponse({"currentUser": None})),
                Route("/api/users/signup", self.sign_up, methods=["POST"]),
                Route("/api/users/signin", self.sign_in, methods=["POST"]),
                Route("/api/tickets", self.list_ticket, methods=["POST"]),
                Route("/api/tickets", self.tickets_on_sale),
                Route("/api/tickets/{id}", self.ticket),
                Route("/api/orders", self.place_order, methods=["POST"]),
                Route("/api/orders", self.my_orders),
                Route("/api/orders/{id}", self.order),
                Route("/api/orders/{id}/timeline", self.timeline),
                Route("/api/payments", self.pay, methods=["POST"]),
                Route("/api/payments", self.payments),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = f"{scope['method']} {scope['path']}"
        if self.away.get(request, 0) > 0:
            self.away[request] -= 1
            await Response(status_code=503, headers={"Retry-After": "0"})(scope, receive, send)
            return
        if request == self.interrupted:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        if request == self.not_json:
            await PlainTextResponse("hello", 201 if scope["method"] == "POST" else 200)(scope, receive, send)
            return
        key = (request, Headers(scope=scope).get("idempotency-key"))
        if key in self.in_flight:
            self.in_flight.remove(key)
            await problem(409, "The first request has no answer yet", slug="request-in-flight")(scope, receive, send)
            return
        answer = self.keys[key] if key in self.keys else await self._work_on(scope, receive)
        if scope["path"] in KEYED and scope["method"] == "POST":
            self.keys[key] = answer
        if request in self.forgetful and answer[0]["status"] == HTTPStatus.CREATED:
            self.forgetful.remove(request)
            if scope["path"] in KEYED:
                self.in_flight.add(key)
            await Response(status_code=502)(scope, receive, send)
            return
        for message in answer:
            await send(message)

    async def _work_on(self, scope: Scope, receive: Receive) -> list[Message]:
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self.app(scope, receive, keep)
        return answer

    async def sign_up(self, request: Request) -> Response:
        body = await request.json()
        if body["email"] in self.users:
            return problem(409, "This e-mail address is taken")
        self.users[body["email"]] = body["password"]
        return self._signed_in(body["email"], 201)

    async def sign_in(self, request: Request) -> Response:
        body = await request.json()
        if self.users.get(body["email"]) != body["password"]:
            return problem(401, "Wrong e-mail address or password")
        return self._signed_in(body["email"], 200)

    def _signed_in(self, email: str, status: int) -> Response:
        response = JSONResponse({"id": email, "email": email}, status)
        response.set_cookie("session", email, httponly=True)
        return response

    async def list_ticket(self, request: Request) -> Response:
        ticket = {**(await request.json()), "id": secrets.token_hex(12), "listed": now()}
        ticket["userId"] = request.cookies["session"]
        self.tickets[ticket["id"]] = ticket
        return JSONResponse({"id": ticket["id"], "title": ticket["title"], "orderId": None, "version": 1}, 201)

    async def tickets_on_sale(self, request: Request) -> Response:
        """Pages of ten tickets. The cursor is the number of the next ticket."""
        begin = int(request.query_params.get("cursor", "0"))
        on_sale = [{name: value for name, value in each.items() if name != "listed"} for each in self.tickets.values()]
        cursor = str(begin + 10) if begin + 10 < len(on_sale) else None
        return JSONResponse({"tickets": on_sale[begin : begin + 10], "nextCursor": cursor})

    async def ticket(self, request: Request) -> Response:
        held = [
            order["id"]
            for order in self._orders_for(request.path_params["id"])
            if now() > order["placed"] + EVENT_LAG and self._holds(order) and self.broken != "hold"
        ]
        return JSONResponse({"id": request.path_params["id"], "orderId": held[0] if held else None, "version": 2})

    async def place_order(self, request: Request) -> Response:
        body = await request.json()
        ticket = self.tickets[body["ticketId"]]
        if now() < ticket["listed"] + EVENT_LAG:
            return problem(404, "There is no such ticket")
        if any(self._status(order) != "cancelled" for order in self._orders_for(ticket["id"])) and self.broken != "409":
            return problem(409, self.refusal)
        window = timedelta(seconds=body.get("windowSeconds", 9000) / HOLD_SHRINKS_BY)
        order: dict[str, Any] = {
            "id": secrets.token_hex(12),
            "buyer": request.cookies["session"],
            "ticket": ticket,
            "placed": now(),
        }
        if self.broken == "early":
            window = timedelta(seconds=5)
        order |= {"expires": now() + window, "paid": None}
        self.orders[order["id"]] = order
        return JSONResponse(self._out(order), 201)

    async def my_orders(self, request: Request) -> Response:
        mine = [self._out(order) for order in self.orders.values() if order["buyer"] == request.cookies["session"]]
        return JSONResponse({"orders": mine, "nextCursor": None})

    async def order(self, request: Request) -> Response:
        order = self.orders[request.path_params["id"]]
        status = {"status": "cancelled"} if self.broken == "open" and not order["paid"] else {}
        return JSONResponse(self._out(order) | status)

    async def pay(self, request: Request) -> Response:
        body = await request.json()
        order = self.orders[body["orderId"]]
        if order["paid"]:
            return problem(409, "This order is paid already")
        if body["token"] == DECLINED_CARD and self.broken != "402":
            return problem(402, "The card was declined")
        order["paid"] = now()
        return JSONResponse({"id": secrets.token_hex(12), "orderId": order["id"], "status": "captured"}, 201)

    async def payments(self, request: Request) -> Response:
        order = self.orders[request.query_params["orderId"]]
        return JSONResponse({"payments": [{"id": "p", "status": "captured"}] if order["paid"] else []})

    async def timeline(self, request: Request) -> Response:
        order, payment = self.orders[request.path_params["id"]], secrets.token_hex(12)
        events = [
            ("order.created", order["id"], order["placed"], 1, "POST /api/orders"),
            ("payment.created", payment, order["paid"], 2, "POST /api/payments"),
            ("order.completed", order["id"], order["paid"] + EVENT_LAG, 2, f"payment-{payment}-2"),
        ]
        keys = ("event", "subject", "at", "version", "cause")
        entries = [dict(zip(keys, (e, f"{e}.{i}", at.isoformat(), v, c), strict=True)) for e, i, at, v, c in events]
        return JSONResponse({"orderId": order["id"], "events": [] if self.broken == "timeline" else entries})

    def _orders_for(self, ticket_id: str) -> list[dict[str, Any]]:
        return [order for order in self.orders.values() if order["ticket"]["id"] == ticket_id]

    def _status(self, order: dict[str, Any]) -> str:
        if order["paid"]:
            return "completed" if now() > order["paid"] + EVENT_LAG and self.broken != "completion" else "created"
        early = self.broken == "early" and order["buyer"].startswith("ben")
        return "cancelled" if (early or now() > order["expires"]) and self.broken != "expiry" else "created"

    def _holds(self, order: dict[str, Any]) -> bool:
        return self._status(order) != "cancelled" or now() < order["expires"] + EVENT_LAG or self.broken == "release"

    def _out(self, order: dict[str, Any]) -> dict[str, Any]:
        ticket = {"id": order["ticket"]["id"]}
        expires = order["expires"].isoformat()
        return {"id": order["id"], "status": self._status(order), "expiresAt": expires, "ticket": ticket, "version": 1}
