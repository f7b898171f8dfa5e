"""What the database says decides if it is unavailable."""

from mutations.mutation import Mutation, tests_in

_AVAILABILITY = "common/tests/integration/storage/test_availability.py"
_DELIVERY = "common/tests/integration/messaging/test_delivery.py"
_REFUSALS = "tests/integration/test_database_refusals.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="codes-decide",
        promise="A service answers 503 while the disk of its database is full.",
        where="common.storage.availability:as_unavailable",
        old="or any(code in CODES for code in _codes_of(error))",
        new="",
        tests=tests_in(_REFUSALS, "test_a_change_is_answered_503_and_succeeds_later[full disk-motor-tickets]"),
    ),
    Mutation(
        name="labels-decide",
        promise="An error that the server marks as retryable counts as unavailable, even with an unknown code.",
        where="common.storage.availability:as_unavailable",
        old="any(error.has_error_label(label) for label in _LABELS) or",
        new="",
        tests=tests_in(_AVAILABILITY, "test_labels_and_write_concerns_count_whatever_the_code_is[label]"),
    ),
    Mutation(
        name="write-concerns-decide",
        promise="A write that is stored but not confirmed counts as unavailable.",
        where="common.storage.availability:as_unavailable",
        old="if _is_about_a_write_concern(error)",
        new="if False",
        tests=tests_in(_AVAILABILITY, "test_labels_and_write_concerns_count_whatever_the_code_is[write concern]"),
    ),
    Mutation(
        name="mistakes-are-no-outage",
        promise="An operation that is itself wrong does not count as an outage.",
        where="common.storage.availability:as_unavailable",
        old="return DependencyUnavailable(NOT_NOW) if _is_about_a_write_concern(error) else None",
        new="return DependencyUnavailable(NOT_NOW)",
        tests=tests_in(_AVAILABILITY, "test_a_mistake_in_one_operation_is_not_taken_for_an_outage[motor-BadValue]"),
    ),
    Mutation(
        name="batches-keep-codes",
        promise="Each write of a batch fails with its own code.",
        where="common.storage.batching_collection:BatchingCollection._write",
        old='kind(failure["errmsg"], failure["code"], details)',
        new='kind(failure["errmsg"], None, details)',
        tests=tests_in(_AVAILABILITY, "test_each_write_of_a_batch_keeps_its_own_code[motor]"),
    ),
    Mutation(
        name="version-conflicts-are-held",
        promise="Version conflicts that do not end use up no delivery.",
        where="common.messaging.delivery:_NOT_NOW",
        old="(DependencyUnavailable, VersionConflict)",
        new="(DependencyUnavailable,)",
        tests=tests_in(_DELIVERY, "test_an_unavailable_dependency_uses_up_no_delivery[contention, or a stale primary]"),
    ),
)
