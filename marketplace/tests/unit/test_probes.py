import pytest

from marketplace.probes import host_and_port, hosts_of


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("mongodb://127.0.0.1:27017/?w=majority", ["127.0.0.1:27017"]),
        ("mongodb://user:p@ss,word@a:1,b:2/tickets?replicaSet=r", ["a:1", "b:2"]),
        ("mongodb+srv://user:secret@cluster.example", ["cluster.example"]),
        ("nats://user:secret@a:1,nats://b:2", ["a:1", "b:2"]),
        ("nats://[::1]:4222", ["[::1]:4222"]),
    ],
)
def test_an_address_is_shown_without_credentials(url: str, hosts: list[str]) -> None:
    assert hosts_of(url) == hosts


def test_a_host_without_a_port_has_the_usual_one() -> None:
    assert host_and_port("queue", "nats") == ("queue", 4222)
    assert host_and_port("store", "mongodb") == ("store", 27017)
    assert host_and_port("[::1]:5", "nats") == ("::1", 5)
