"""The page that shows the platform to those who develop or operate it."""

from mutations.mutation import Mutation, tests_in

_AUDIENCE = "storefront/tests/unit/test_platform_audience.py"
_PAGE = "storefront/tests/integration/test_platform_page.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="live-page-off-by-default",
        promise="The inside of the platform is shown to nobody, unless an operator switches the page /live on.",
        where="storefront.settings:StorefrontSettings.live_page",
        old="False",
        new="True",
        tests=tests_in(_PAGE, "test_without_the_setting_nobody_sees_the_platform"),
        slow=True,
    ),
    Mutation(
        name="live-page-exists-only-if-on",
        promise="If the page /live is off, its addresses do not exist.",
        where="storefront.main:create_app",
        old="*([platform.router] if settings.live_page else []),",
        new="platform.router,",
        tests=tests_in(_PAGE, "test_without_the_setting_nobody_sees_the_platform"),
        slow=True,
    ),
    Mutation(
        name="live-page-shows-no-person",
        promise="The events on the page /live contain the ids of tickets, orders and payments, but of no person.",
        where="storefront.platform.audience:_shown",
        old="event.id,",
        new='getattr(event, "user_id", event.id),',
        tests=tests_in(_AUDIENCE, "test_an_event_is_shown_without_anything_about_a_person"),
    ),
    Mutation(
        name="live-page-history-names-no-person",
        promise="The history of an order on the page /live does not say whose order it is.",
        where="storefront.platform.history:history_step",
        old="related=_related(event.data),",
        new='related={**_related(event.data), "buyer": str(event.data.get("userId"))},',
        tests=tests_in(_AUDIENCE, "test_the_history_of_an_aggregate_names_no_person"),
    ),
    Mutation(
        name="live-page-viewer-needs-bounded-memory",
        promise="A viewer who reads slowly needs a bounded amount of memory.",
        where="storefront.platform.audience:Viewer.__init__",
        old="deque(maxlen=_MOST_EVENTS)",
        new="deque()",
        tests=tests_in(_AUDIENCE, "test_a_slow_viewer_gets_the_newest_events_and_the_number_of_all"),
    ),
    Mutation(
        name="live-page-asks-nats-only-for-viewers",
        promise="When nobody looks at the page /live, the storefront does not ask NATS for the lag.",
        where="storefront.platform.audience:Audience.leave",
        old="self._somebody_looks.clear()",
        new="pass",
        tests=tests_in(_AUDIENCE, "test_nobody_asks_nats_for_numbers_when_the_last_viewer_has_left"),
    ),
)
