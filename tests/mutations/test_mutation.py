"""What a mutation changes, and what it refuses to change."""

from pathlib import Path

import pytest

from mutations.mutation import CannotApply, Mutation

SOURCE = """\
LIMIT = 10


class Till:
    @property
    def is_open(self) -> bool:
        return True

    def charge(self, amount: int) -> int:
        if amount > LIMIT:
            raise ValueError
        self.log(
            amount,
        )
        return amount


def charge(amount: int) -> int:
    return amount
"""


def mutation(where: str, old: str, new: str) -> Mutation:
    return Mutation(name="m", promise="", where=where, old=old, new=new, tests=())


def test_only_the_named_symbol_is_changed() -> None:
    changed = mutation("shop.till:charge", "return amount", "return 0").change(SOURCE)
    assert changed == SOURCE.removesuffix("return amount\n") + "return 0\n"


@pytest.mark.parametrize(
    ("where", "old", "new"),
    [
        ("shop.till:LIMIT", "10", "99"),
        ("shop.till:Till.is_open", "@property", ""),
        ("shop.till:Till.charge", "amount > LIMIT", "False"),
    ],
)
def test_constants_decorators_and_methods_can_be_changed(where: str, old: str, new: str) -> None:
    assert mutation(where, old, new).change(SOURCE) == SOURCE.replace(old, new, 1)


def test_the_line_breaks_of_the_code_do_not_matter() -> None:
    assert "pass" in mutation("shop.till:Till.charge", "self.log( amount, )", "pass").change(SOURCE)


def test_new_lines_are_indented_like_the_old_ones() -> None:
    new = """
        if amount:
            return 1
        return 2
    """
    changed = mutation("shop.till:Till.charge", "return amount", new).change(SOURCE)
    assert "        if amount:\n            return 1\n        return 2\n" in changed


@pytest.mark.parametrize(
    ("where", "old", "new", "reason"),
    [
        ("shop.till:refund", "return", "pass", "has no refund"),
        ("shop.till:Till.charge", "refund", "pass", "0 times, not once"),
        ("shop.till:Till", "amount", "pass", "4 times, not once"),
        ("shop.till:charge", "return amount", "return (", "no valid Python"),
    ],
)
def test_what_cannot_be_changed_is_refused_with_the_reason(where: str, old: str, new: str, reason: str) -> None:
    with pytest.raises(CannotApply, match=reason):
        mutation(where, old, new).change(SOURCE)


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ("orders.order:Order.cancel", "orders/src/orders/order.py"),
        ("payments.gateway.sandbox:SandboxGateway", "payments/src/payments/gateway/sandbox.py"),
        ("tools.credentials:missing_credentials", "infra/k8s/tools/credentials.py"),
        ("infra/k8s/base/nats/nats.conf", "infra/k8s/base/nats/nats.conf"),
    ],
)
def test_the_file_follows_from_the_symbol(where: str, path: str) -> None:
    assert mutation(where, "", "").path == Path(path)
