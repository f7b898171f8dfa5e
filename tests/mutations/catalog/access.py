"""Who may do what: tokens, sessions, ownership."""

from mutations.mutation import Mutation, tests_in

_TOKENS = "auth/tests/unit/test_token_signer.py"
_FORGED = "test_an_invalid_token_is_refused_without_the_reason"
_COOKIE = "test_signing_up_and_in_set_a_cookie_that_is_hidden_from_scripts_and_sites"
_SESSIONS = "auth/tests/integration/test_sessions.py"
_ORDERS = "orders/tests/integration/test_refusals.py"
_PARTS = "marketplace/tests/unit/test_parts.py"
_DOCS = "common/tests/unit/http/test_application.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="token-signature-verified",
        promise="A token counts only if auth's private key has signed it.",
        where="common.domain.tokens:TokenVerifier.verify",
        old='options={"require":',
        new='options={"verify_signature": False, "verify_exp": True, "verify_iss": True, "require":',
        tests=tests_in(_TOKENS, f"{_FORGED}[other key]"),
    ),
    Mutation(
        name="token-algorithm-pinned",
        promise="A token does not choose the algorithm that it is verified with.",
        where="common.domain.tokens:TokenVerifier.verify",
        old="algorithms=[ALGORITHM],",
        new='algorithms=[ALGORITHM, "HS256"],',
        tests=tests_in(_TOKENS, f"{_FORGED}[HS256 with the public key for a secret]"),
    ),
    *(
        Mutation(
            name=f"token-requires-{claim}",
            promise=f"A token without {what} ({claim}) is refused.",
            where="common.domain.tokens:TokenVerifier.verify",
            old=required,
            new=instead,
            tests=tests_in(_TOKENS, f"{_FORGED}[without {claim}]"),
        )
        for claim, required, instead, what in (
            ("exp", '"exp", ', "", "a time at which it ends"),
            ("iat", '"iat", ', "", "the time at which it was issued"),
            ("sub", '"sub", ', "", "the id of its user"),
            ("email", ', "email"]', "]", "the address of its user"),
        )
    ),
    Mutation(
        name="token-issuer-checked",
        promise="A token of another issuer is refused, even if it is signed with the right key.",
        where="common.domain.tokens:TokenVerifier.verify",
        old="issuer=ISSUER,",
        new="",
        tests=tests_in(_TOKENS, f"{_FORGED}[other issuer]"),
    ),
    Mutation(
        name="token-clock-skew-bounded",
        promise="A token that has ended is refused half a minute later at the latest.",
        where="common.domain.tokens:_CLOCK_SKEW",
        old="timedelta(seconds=30)",
        new="timedelta(hours=2)",
        tests=tests_in(_TOKENS, f"{_FORGED}[expired 40 s ago]"),
    ),
    Mutation(
        name="token-time-of-issue-not-compared",
        promise="A token that was made while the clock was ahead stays valid when the clock is set back.",
        where="common.domain.tokens:TokenVerifier.verify",
        old=', "verify_iat": False',
        new="",
        tests=tests_in(
            "auth/tests/unit/test_token_signer.py",
            "test_a_token_stays_valid_when_the_clock_that_was_an_hour_ahead_is_set_back",
        ),
    ),
    Mutation(
        name="token-length-bounded",
        promise="A token of more than 2 KB is refused before it is decoded.",
        where="common.domain.tokens:TokenVerifier.verify",
        old="if len(token) > _LONGEST_TOKEN:",
        new="if False:",
        tests=tests_in(_TOKENS, f"{_FORGED}[10 KB, signed]"),
    ),
    Mutation(
        name="session-ends-after-twelve-hours",
        promise="A session ends twelve hours after signing in.",
        where="auth.token_signer:TokenSigner.sign",
        old="now + TOKEN_LIFETIME",
        new="now + 60 * TOKEN_LIFETIME",
        tests=tests_in(_TOKENS, "test_a_token_is_valid_for_twelve_hours"),
    ),
    Mutation(
        name="cookie-hidden-from-scripts",
        promise="No script on a page can read the session cookie (HttpOnly).",
        where="auth.routes:_answer",
        old="httponly=True,",
        new="",
        tests=tests_in(_SESSIONS, f"{_COOKIE}[motor-http-False]"),
    ),
    Mutation(
        name="cookie-not-sent-by-other-sites",
        promise="The browser does not send the session cookie with a POST from another site (SameSite).",
        where="auth.routes:_answer",
        old='samesite="lax",',
        new='samesite="none",',
        tests=tests_in(_SESSIONS, f"{_COOKIE}[motor-http-False]"),
    ),
    Mutation(
        name="cookie-ends-with-its-token",
        promise="The browser forgets the session cookie when its token ends.",
        where="auth.routes:_answer",
        old="max_age=int(TOKEN_LIFETIME.total_seconds()),",
        new="",
        tests=tests_in(_SESSIONS, f"{_COOKIE}[motor-http-False]"),
    ),
    Mutation(
        name="cookie-only-over-tls",
        promise="Behind a gateway that speaks TLS, the browser sends the session cookie over TLS alone (Secure).",
        where="auth.routes:_answer",
        old='secure=request.url.scheme == "https",',
        new="",
        tests=tests_in(_SESSIONS, f"{_COOKIE}[motor-https-True]"),
    ),
    Mutation(
        name="forwarded-headers-believed-from-gateway-only",
        promise="A service believes X-Forwarded-* from trusted addresses alone, by default the loopback address.",
        where="common.runtime.serve:serve",
        old="proxy_headers=True,",
        new='proxy_headers=True, forwarded_allow_ips="*",',
        tests=tests_in(
            "auth/tests/integration/test_forwarded_headers.py",
            "test_only_the_gateway_may_say_that_the_browser_uses_tls",
        ),
        slow=True,
    ),
    Mutation(
        name="forwarded-headers-believed-from-gateway",
        promise="A service learns from the gateway that the browser speaks TLS, so its cookie is Secure.",
        where="common.runtime.serve:serve",
        old="proxy_headers=True,",
        new="proxy_headers=False,",
        tests=tests_in(
            "auth/tests/integration/test_forwarded_headers.py",
            "test_only_the_gateway_may_say_that_the_browser_uses_tls",
        ),
        slow=True,
    ),
    Mutation(
        name="order-shown-to-its-buyer-only",
        promise="Nobody but its buyer can see or cancel an order: 403.",
        where="orders.service:OrderService.get_order",
        old="order.check_buyer(by)",
        new="",
        tests=tests_in(_ORDERS, "test_only_its_buyer_can_see_or_cancel_an_order"),
    ),
    Mutation(
        name="timeline-shown-to-the-buyer-only",
        promise="Nobody but its buyer can read an order's timeline: 403.",
        where="orders.service:OrderService.get_timeline",
        old="await self.get_order(order_id, by=by)",
        new="await self._known(order_id)",
        tests=tests_in(_ORDERS, "test_only_its_buyer_can_see_or_cancel_an_order"),
    ),
    Mutation(
        name="list-of-ones-own-orders",
        promise="The list of orders has the orders of the user who asks, and no others.",
        where="orders.repository:OrderRepository.find_of_buyer",
        old='{"user_id": buyer}',
        new="{}",
        tests=tests_in(_ORDERS, "test_only_its_buyer_can_see_or_cancel_an_order"),
    ),
    Mutation(
        name="order-paid-by-its-buyer-only",
        promise="Nobody but its buyer can pay for an order, or see its payments: 403.",
        where="payments.service:PaymentService._order_of",
        old="if order.user_id != buyer:",
        new="if False:",
        tests=tests_in(
            "payments/tests/integration/test_refusals.py",
            "test_only_the_signed_in_buyer_can_pay_an_order",
        ),
    ),
    Mutation(
        name="listing-changed-by-its-seller-only",
        promise="Nobody but its seller can change or withdraw a listing: 403.",
        where="tickets.ticket:Ticket._check_seller",
        old="if user_id != self.user_id:",
        new="if False:",
        tests=tests_in(
            "tickets/tests/integration/test_refusals.py", "test_only_its_seller_can_change_or_withdraw_a_ticket"
        ),
    ),
    Mutation(
        name="docs-load-nothing-from-elsewhere",
        promise="The documentation pages load nothing from another host.",
        where="common.http.application:create_http_app",
        old="""
            app = FastAPIOffline(
                title=title,
                description=description,
                lifespan=lifespan,
                docs_url=docs,
                redoc_url=None,
                openapi_url=f"{docs}/openapi.json",
                static_url=f"{docs}/assets",
        """,
        new="""
            app = FastAPI(
                title=title,
                description=description,
                lifespan=lifespan,
                docs_url=docs,
                redoc_url=None,
                openapi_url=f"{docs}/openapi.json",
        """,
        tests=tests_in(_DOCS, "test_the_docs_page_loads_all_its_assets_from_the_service[tickets]"),
    ),
    Mutation(
        name="docs-send-nothing-elsewhere",
        promise="The documentation pages do not send the address of their document to another host.",
        where="common.http.application:create_http_app",
        old='swagger_ui_parameters={"validatorUrl": None},',
        new="",
        tests=tests_in(_DOCS, "test_the_docs_page_does_not_use_an_external_validator[tickets]"),
    ),
)
