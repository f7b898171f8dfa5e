"""The audit: unreadable documents, and what it does not do."""

from mutations.mutation import Mutation, tests_in

_UNIT = "marketplace/tests/unit"
_INTEGRATION = "marketplace/tests/integration"


def _audited(test: str) -> tuple[str, ...]:
    return tests_in(f"{_UNIT}/test_operations_audit.py", test)


MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="audit-knows-optional-fields",
        promise="The audit finds no difference in a copy that lacks only an optional field with its default.",
        where="marketplace.operations.audit:_differs_from_its_owner",
        old="with_defaults(copies[key])",
        new="copies[key]",
        tests=_audited("test_a_read_model_of_an_older_version_without_optional_fields_agrees"),
    ),
    Mutation(
        name="audit-finds-an-unreadable-aggregate",
        promise="The audit finds each aggregate that cannot be parsed, and says what follows from it.",
        where="marketplace.operations.unreadable:exclude_unreadable",
        old='yield Difference(f"{owned.name} {CAN_BE_READ}", key, wrong)',
        new="pass",
        tests=tests_in(
            f"{_UNIT}/test_operations_differences.py",
            "test_a_finding_names_the_unreadable_document_that_may_cause_it",
        ),
    ),
    Mutation(
        name="audit-finds-an-unreadable-outbox",
        promise="The audit finds an outbox that cannot be parsed.",
        where="marketplace.operations.unreadable:_wrong_with",
        old="_Outbox.model_validate(document)",
        new="pass",
        tests=_audited("test_an_outbox_that_cannot_be_read_is_found"),
    ),
    Mutation(
        name="audit-finds-an-unreadable-charge",
        promise="The audit finds a charge of the sandbox that cannot be parsed.",
        where="marketplace.operations.unreadable:_Charge",
        old="outcome: dict[str, Any]",
        new="outcome: dict[str, Any] = {}",
        tests=_audited("test_a_charge_that_cannot_be_read_is_found"),
    ),
    Mutation(
        name="audit-calls-nothing-unreadable-an-orphan",
        promise="The audit does not report the read model of an unreadable aggregate as one that nobody owns.",
        where="marketplace.operations.audit:_differs_from_its_owner",
        old="if (owner.service, owner.collection, key) not in snapshot.excluded:",
        new="if key:",
        tests=_audited("test_the_read_model_of_an_unreadable_owner_is_no_orphan"),
    ),
    Mutation(
        name="audit-survives-any-document",
        promise="A document that one rule cannot process does not keep the audit from checking the other rules.",
        where="marketplace.operations.audit:_checked",
        old="except Exception as error: # noqa: BLE001 - the other rules must be checked after any error",
        new="except KeyError as error:",
        tests=tests_in(f"{_UNIT}/test_operations_differences.py", "test_a_rule_that_cannot_be_checked_hides_no_other"),
    ),
    Mutation(
        name="audit-reports-what-persists",
        promise="The audit reports a difference only if it is still there when looked at again.",
        where="marketplace.operations.audit:audit",
        old="persisting & found",
        new="persisting | found",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_audit_settling.py",
            "test_a_difference_that_a_second_look_does_not_find_is_not_reported[motor]",
        ),
        slow=True,
    ),
    Mutation(
        name="audit-looks-twice",
        promise="The audit compares at least twice, also if one comparison takes longer than the time to settle.",
        where="marketplace.operations.audit:audit",
        old="if not persisting or began >= deadline:",
        new="if not persisting or time.monotonic() >= deadline:",
        tests=tests_in(
            f"{_INTEGRATION}/test_operations_audit_settling.py",
            "test_the_audit_looks_twice_even_if_one_look_takes_longer_than_the_time_to_settle[motor]",
        ),
    ),
    Mutation(
        name="audit-reads-no-password-hashes",
        promise="No operator's command reads a password hash.",
        where="marketplace.operations.snapshot:take_snapshot",
        old="_SECRETS.get((service, name), {})",
        new="{}",
        tests=tests_in(f"{_INTEGRATION}/test_operations_audit.py", "test_no_password_is_read[motor]"),
    ),
)
