"""The names of the durable consumers."""

from marketplace.registry import CONSUMERS_OF


def test_durable_names_are_unique_and_begin_with_their_service() -> None:
    names = [(service, consumer.name) for service, consumers in CONSUMERS_OF.items() for consumer in consumers]
    assert len({name for _, name in names}) == len(names)
    assert all(name.startswith(f"{service}-") for service, name in names)
