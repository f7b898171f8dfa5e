"""Completing a restored database, and publishing the present state again."""

from mutations.mutation import Mutation, tests_in

_INTEGRATION = "marketplace/tests/integration"
_RESTORE = "marketplace.operations.restore"
_REPUBLISH = "marketplace.operations.republish"


def _restored(test: str, case: str = "[motor]") -> tuple[str, ...]:
    return tests_in(f"{_INTEGRATION}/test_operations_restore.py", f"{test}{case}")


def _republished(test: str) -> tuple[str, ...]:
    return tests_in(f"{_INTEGRATION}/test_operations_republish.py", f"{test}[motor]")


MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="restore-gives-a-new-version-to-what-was-changed",
        promise="A document that was changed after a restore gets a version that no event had before.",
        where=f"{_RESTORE}:_new_version",
        old='"version": event.version + 1',
        new='"version": event.version',
        tests=_restored("test_a_change_after_a_restore_is_published_with_a_new_version"),
        slow=True,
    ),
    Mutation(
        name="restore-keeps-what-was-changed",
        promise="A restore does not overwrite a document that was changed after the database was restored.",
        where=f"{_RESTORE}:_changed_since_the_restore",
        old="changed.add(event.id)",
        new="pass",
        tests=_restored("test_a_change_after_a_restore_is_published_with_a_new_version"),
        slow=True,
    ),
    Mutation(
        name="restore-creates-what-is-missing",
        promise="A restore creates each document whose aggregate has events.",
        where=f"{_RESTORE}:restore",
        old="creations[event.id] = _creation(owned, event)",
        new="pass",
        tests=_restored("test_an_older_database_sells_no_ticket_again"),
        slow=True,
    ),
    Mutation(
        name="restore-repairs-read-models",
        promise="A restored service does not start with old copies of the data of other services.",
        where=f"{_RESTORE}:restore",
        old="result.read_models += (await rebuild(operator, read_model)).changed",
        new="pass",
        tests=_restored("test_an_older_database_sells_no_ticket_at_an_old_price"),
        slow=True,
    ),
    Mutation(
        name="restore-reports-what-the-database-refuses",
        promise="A restore reports each document that a unique index refuses, and writes the others.",
        where=f"{_RESTORE}:_write",
        old="ordered=False",
        new="ordered=True",
        tests=_restored("test_an_order_that_a_unique_index_refuses_is_reported"),
    ),
    Mutation(
        name="restore-reports-what-it-cannot-read",
        promise="A restore leaves out a document that cannot be read, and continues with the others.",
        where=f"{_RESTORE}:restore",
        old="""
                except ValidationError as error:
                    result.not_restored[key] = f"the document cannot be read: {first_problem(error)}"
        """,
        new="""
                except ValidationError:
                    raise
        """,
        tests=_restored("test_a_document_that_cannot_be_read_is_reported_and_the_others_are_restored"),
    ),
    Mutation(
        name="restore-lets-the-service-start",
        promise="After a restore, the service starts, although not every document could be completed.",
        where=f"{_RESTORE}:_accept",
        old="[event.event_id for event in events]",
        new="[]",
        tests=_restored("test_users_are_not_created_without_a_password"),
    ),
    Mutation(
        name="restore-reports-unreadable-events",
        promise="A restore reports each event that it accepts as lost.",
        where=f"{_RESTORE}:_accept",
        old="for event in lacking",
        new="for event in lacking[1:]",
        tests=_restored("test_an_event_that_cannot_be_parsed_is_reported"),
    ),
    Mutation(
        name="restored-payment-can-be-refunded",
        promise="A payment event contains the id of the charge, so that a restored payment can be refunded.",
        where="payments.payment:Payment.to_event",
        old="charge_id=self.charge_id,",
        new="",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_restore.py",
            "test_a_restored_payment_is_refunded_when_its_order_is_cancelled[motor]",
        ),
        slow=True,
    ),
    Mutation(
        name="restored-payment-is-open",
        promise="The recovery job settles or refunds a captured payment that was restored from its event.",
        where="payments.payment:Payment.from_event",
        old="is_open = event.status == PaymentStatus.CAPTURED",
        new="is_open = False",
        tests=tests_in(
            "marketplace/tests/unit/test_restored_aggregates.py",
            "test_a_captured_payment_made_from_an_event_can_still_be_refunded",
        ),
    ),
    Mutation(
        name="republished-event-is-stored",
        promise="A republished event is stored, although the stream may still know its id.",
        where="common.events.envelope:StagedEvent.stage_again",
        old="{**staged.headers, MESSAGE_ID: message_id, REPUBLISHED",
        new="{**staged.headers, REPUBLISHED",
        tests=_republished("test_republishing_what_everybody_knows_changes_nothing"),
    ),
    Mutation(
        name="republished-event-is-staged-once",
        promise="A second republishing does not stage an event that still waits in its outbox.",
        where=f"{_REPUBLISH}:republish",
        old="if not _is_staged_again(owned, document, event):",
        new="if True:",
        tests=_republished("test_a_service_that_is_stopped_publishes_when_it_runs"),
    ),
    Mutation(
        name="republish-skips-what-it-cannot-read",
        promise="A document that cannot be read does not keep the others from being published again.",
        where=f"{_REPUBLISH}:republish",
        old='result.unreadable[str(document["_id"])] = first_problem(error)',
        new="raise",
        tests=_republished("test_a_document_that_cannot_be_read_is_reported"),
    ),
    Mutation(
        name="repair-republishes-lost-events",
        promise="A repair lets the owner publish its present state again if an event is lost.",
        where="marketplace.operations.repair:repair",
        old="done.republished[owner.service] = await republish(operator, owner, sorted(lost))",
        new="pass",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_audit_repair.py",
            "test_a_read_model_is_not_reverted_because_of_a_lost_event[motor]",
        ),
    ),
    Mutation(
        name="repair-makes-a-missing-deadline",
        promise="A repair lets the expiration service make a deadline that is missing.",
        where="marketplace.operations.repair:repair",
        old='done.deadlines = await _replay(operator, "expiration", orders, done)',
        new="",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_restore.py",
            "test_one_database_is_restored_from_an_older_backup[motor-expiration]",
        ),
        slow=True,
    ),
)
