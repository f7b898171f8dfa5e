"""HTTP requests: bounds, validation, errors, and changes without the broker."""

from mutations.mutation import Mutation, tests_in

_ANY_REQUEST = "common/tests/unit/http/test_middleware.py"
_ANY_FAILURE = "test_any_error_of_a_route_becomes_a_problem_without_its_text"
_DOCS = "common/tests/unit/http/test_application.py"
_HOSTILE = "common/tests/integration/http/test_problems.py"
_WITHOUT_BROKER = "common/tests/integration/http/test_dependencies.py"
_REFUSES_CHANGES = "test_each_route_that_publishes_answers_503_without_the_broker"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="declared-body-length-bounded",
        promise="A body that is declared as longer than 64 KiB is refused before any of it is read.",
        where="common.http.middleware:_check_headers",
        old="if length.isdecimal() and int(length[:20]) > MAX_BODY_BYTES:",
        new="if False:",
        tests=tests_in(_ANY_REQUEST, "test_a_body_declared_as_too_long_is_refused_before_it_is_read"),
    ),
    Mutation(
        name="received-body-bytes-counted",
        promise="A body of more than 64 KiB is refused whatever length it declares, and none of the rest is read.",
        where="common.http.middleware:_limited",
        old="if received > MAX_BODY_BYTES:",
        new="if False:",
        tests=tests_in(_ANY_REQUEST, "test_the_bytes_of_a_body_are_counted_as_they_arrive"),
    ),
    Mutation(
        name="request-time-bounded",
        promise="A request that hangs is answered 503 within 5 s.",
        where="common.http.middleware:RequestBounds._bounded",
        old="asyncio.timeout(MAX_SECONDS)",
        new="asyncio.timeout(None)",
        tests=tests_in(
            _ANY_REQUEST,
            "test_a_request_that_takes_too_long_gets_503_and_an_unknown_outcome",
        ),
        slow=True,
    ),
    Mutation(
        name="head-answered-like-get",
        promise="HEAD is answered wherever GET is, with the same status and headers, and without a body.",
        where="common.http.application:create_http_app",
        old="app.add_middleware(HeadAsGet)",
        new="pass",
        tests=tests_in(
            "common/tests/unit/http/test_head.py", "test_head_gets_the_answer_to_get_without_its_body[tickets]"
        ),
    ),
    Mutation(
        name="head-ends-a-stream",
        promise="The answer to HEAD ends after its headers, even where GET answers with a stream that never ends.",
        where="common.http.middleware:HeadAsGet.__call__",
        old='await send({"type": "http.response.body", "body": b""})',
        new="pass",
        tests=tests_in(_ANY_REQUEST, "test_head_does_not_wait_for_the_end_of_a_stream"),
        slow=True,
    ),
    Mutation(
        name="json-bodies-only",
        promise="A body that is not declared as JSON, such as the form of another site, is refused with 415.",
        where="common.http.middleware:_check_headers",
        old='if method in _HAVE_BODIES and has_body and content_type != "application/json":',
        new="if False:",
        tests=tests_in(_HOSTILE, "test_a_body_that_is_not_declared_as_json_is_refused[motor-tickets]"),
    ),
    Mutation(
        name="unknown-query-parameter-refused",
        promise="A query parameter that a route does not know is refused, not ignored.",
        where="common.http.application:create_http_app",
        old=", dependencies=[Depends(_refuse_unknown_query)]",
        new="",
        tests=tests_in(_HOSTILE, "test_an_unknown_query_parameter_is_refused[motor-tickets]"),
    ),
    Mutation(
        name="unknown-body-field-refused",
        promise="A field that a route does not know is refused, not ignored.",
        where="common.http.schemas:RequestBody",
        old='extra="forbid"',
        new='extra="ignore"',
        tests=tests_in(
            "payments/tests/integration/test_refusals.py",
            "test_invalid_input_is_refused_with_its_field_and_not_repeated",
        ),
    ),
    Mutation(
        name="strict-field-types",
        promise="A value of another JSON type is refused, not converted: neither the text 60 nor true is a number.",
        where="common.http.schemas:RequestBody",
        old="strict=True, ",
        new="",
        tests=tests_in(
            "orders/tests/integration/test_refusals.py",
            "test_an_invalid_order_is_refused_with_its_field_and_holds_no_ticket",
        ),
        slow=True,
    ),
    Mutation(
        name="ids-well-formed",
        promise="An id is 24 lower-case hexadecimal characters; anything else is refused and reaches no query.",
        where="common.domain.ids:WellFormed",
        old="pattern=ID_PATTERN, ",
        new="",
        tests=tests_in("orders/tests/integration/test_refusals.py", "test_a_malformed_id_is_refused"),
    ),
    Mutation(
        name="ticket-title-bounded",
        promise="A title has 1 to 200 characters, not counting the spaces around it.",
        where="tickets.schemas:Title",
        old="strip_whitespace=True, min_length=1, max_length=200",
        new="",
        tests=tests_in(
            "tickets/tests/integration/test_refusals.py",
            "test_an_invalid_listing_is_refused_with_its_field_and_changes_nothing",
        ),
    ),
    Mutation(
        name="validation-errors-do-not-repeat-input",
        promise="The answer to an invalid request never repeats its values, which may be a password.",
        where="common.http.problems:_line",
        old="return ProblemLine(message=validation_message(found), field=",
        new="return ProblemLine(message=f\"{found['msg']}: {found['input']}\", field=",
        tests=tests_in(
            "common/tests/unit/http/test_validation_messages.py",
            "test_each_broken_constraint_has_a_message_for_people",
        ),
    ),
    Mutation(
        name="validation-errors-at-most-20",
        promise="The answer to an invalid request lists at most 20 errors, however many the request contains.",
        where="common.http.problems:_on_invalid_request",
        old="error.errors()[:_MOST_ERRORS]",
        new="error.errors()",
        tests=tests_in(_HOSTILE, "test_an_invalid_body_is_refused_and_nothing_is_stored[motor-tickets]"),
        slow=True,
    ),
    Mutation(
        name="errors-are-problem-json",
        promise="Every error has the media type of RFC 9457: application/problem+json.",
        where="common.http.problems:problem_response",
        old="status_of(error), headers, MEDIA_TYPE)",
        new="status_of(error), headers)",
        tests=tests_in(_ANY_REQUEST, f"{_ANY_FAILURE}[conflict]"),
    ),
    Mutation(
        name="defects-show-no-details",
        promise="The answer to a request that failed by a defect shows nothing of the exception.",
        where="common.http.problems:defect_response",
        old='InternalError("The failure has been logged. Please try again later.")',
        new="InternalError(str(error))",
        tests=tests_in(_ANY_REQUEST, f"{_ANY_FAILURE}[defect]"),
    ),
    Mutation(
        name="defects-are-logged",
        promise="The cause of a request that failed by a defect is in the log, under the trace id of the answer.",
        where="common.http.problems:defect_response",
        old='log.error("request failed", method=request.method, path=request.url.path, exc_info=error)',
        new="pass",
        tests=tests_in(_ANY_REQUEST, "test_the_cause_of_a_defect_is_logged_with_the_trace_id_of_the_answer[defect]"),
    ),
    Mutation(
        name="database-unavailable-is-503",
        promise="A request that fails because MongoDB cannot be reached is answered 503, not 500.",
        where="common.http.problems:_on_database_error",
        old="if unavailable := as_unavailable(error):",
        new="if unavailable := None:",
        tests=tests_in(_ANY_REQUEST, f"{_ANY_FAILURE}[database-away]"),
    ),
    Mutation(
        name="retry-after-on-503",
        promise="A 503 says with Retry-After when to try again.",
        where="common.http.problems:problem_response",
        old='headers["Retry-After"] = str(RETRY_AFTER_SECONDS)',
        new="pass",
        tests=tests_in(_ANY_REQUEST, f"{_ANY_FAILURE}[broker-away]"),
    ),
    Mutation(
        name="trace-id-in-each-answer",
        promise="Each answer carries the trace id by which its log lines are found.",
        where="common.http.middleware:RequestBounds._bounded",
        old='response_headers[TRACE_ID_HEADER] = current_trace_id() or ""',
        new="pass",
        tests=tests_in(_ANY_REQUEST, f"{_ANY_FAILURE}[conflict]"),
    ),
    Mutation(
        name="incoming-trace-continued",
        promise="A request that comes with a traceparent is handled in that trace.",
        where="common.http.middleware:RequestBounds.__call__",
        old='headers.get("traceparent")',
        new="None",
        tests=tests_in(_ANY_REQUEST, "test_a_request_continues_the_trace_of_its_header"),
    ),
    Mutation(
        name="allow-names-all-methods",
        promise="A 405 names in Allow every method that the path has, whichever route has it.",
        where="common.http.problems:_on_http_exception",
        old='response.headers["Allow"] = ", ".join(methods)',
        new="pass",
        tests=tests_in(_DOCS, "test_an_unknown_method_is_refused_with_the_allowed_ones[tickets-PATCH]"),
        slow=True,
    ),
    *(
        Mutation(
            name=f"{name}-needs-the-broker",
            promise=f"{what} is answered 503, and nothing is changed, while NATS cannot be reached.",
            where=where,
            old="dependencies=[REQUIRES_BROKER],",
            new="",
            tests=tests_in(_WITHOUT_BROKER, f"{_REFUSES_CHANGES}[motor-{where.partition('.')[0]}]"),
        )
        for name, what, where in (
            ("sign-up", "Signing up", "auth.routes:sign_up"),
            ("listing-a-ticket", "Listing a ticket", "tickets.routes:list_ticket"),
            ("changing-a-listing", "Changing a listing", "tickets.routes:change_listing"),
            ("placing-an-order", "Placing an order", "orders.routes:place_order"),
            ("cancelling-an-order", "Cancelling an order", "orders.routes:cancel_order"),
            ("paying", "Paying", "payments.routes:pay_order"),
        )
    ),
)
