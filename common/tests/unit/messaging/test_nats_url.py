import pytest

from common.messaging.nats_url import NatsUrl, parse_nats_url


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("nats://queue", NatsUrl(["nats://queue"], None, None)),
        ("nats://orders:a%2Fb%2Cc@queue:4222", NatsUrl(["nats://queue:4222"], "orders", "a/b,c")),
        ("nats://a:1,tls://b:2,nats://[::1]:3", NatsUrl(["nats://a:1", "tls://b:2", "nats://[::1]:3"], None, None)),
        ("nats://u:p@a:1, nats://u:p@b:2", NatsUrl(["nats://a:1", "nats://b:2"], "u", "p")),
        ("nats://token@queue", NatsUrl(["nats://queue"], "token", None)),
    ],
)
def test_a_nats_url_has_one_or_more_addresses(url: str, parsed: NatsUrl) -> None:
    assert parse_nats_url(url) == parsed


@pytest.mark.parametrize(
    "url",
    [
        "nats://a:1,b:2",
        "nats://a:1,",
        "nats://user:hunter2@a:1,user:hunter2@b:2",
        "nats://user:hunter2@a,http://user:hunter2@b",
        "nats://user:hunter2@a,nats://user:hunter2@",
        "nats://user:hun,ter2@a",
        "nats://user:hun@ter2@a",
        "nats://user:1/hunter2@a",
        "nats://user:1#hunter2@a",
        "nats://[hunter2@a",
    ],
)
def test_a_list_with_an_invalid_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="must be nats://") as refused:
        parse_nats_url(url)
    assert "ter2" not in str(refused.value)


@pytest.mark.parametrize("other", ["nats://b:2", "nats://user:hunter3@b:2", "nats://other:hunter2@b:2"])
def test_all_addresses_need_the_same_user_and_password(other: str) -> None:
    with pytest.raises(ValueError, match="the same user and password") as refused:
        parse_nats_url(f"nats://user:hunter2@a:1,{other}")
    assert "hunter" not in str(refused.value)
