"""A webhook reaches the public internet only: whatever an address is called, written as, or wrapped in."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from nurture.channels.reach import Reach, UnreachableError, is_public, read_target

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "172.15.0.1",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


def addresses(url: str, *found: str, allow: Sequence[str] = ()) -> list[str]:
    return Reach.of(allow).addresses(read_target(url), lambda host, port, seconds: list(found), 1.0)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_means_a_private_address_is_not_connected_to(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(UnreachableError, match="no public address"):
        addresses("https://crm.example.com/", address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_connected_to(address: str) -> None:
    assert is_public(ip_address(address))
    assert addresses("https://crm.example.com/", address) == [address]


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/latest/meta-data",
        "https://[fd00:ec2::254]/",
        "https://0.0.0.0/",
    ],
)
def test_an_address_that_stands_there_itself_is_judged_the_same(url: str) -> None:
    with pytest.raises(UnreachableError, match="no public address"):
        addresses(url)


def test_of_several_addresses_only_the_public_ones_are_tried() -> None:
    assert addresses("https://crm.example.com/", "10.0.0.1", "8.8.8.8", "::1") == ["8.8.8.8"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://crm.example.com/", "write https"),
        ("https://crm.example.com:8443/", "port 8443"),
        ("https://crm.example.com:22/", "port 22"),
        ("https://user:word@crm.example.com/", "user or password"),
        ("https://crm.example.com@127.0.0.1/", "user or password"),
        ("ftp://crm.example.com/", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("gopher://crm.example.com/", "only http and https"),
        ("https:///path", "only http and https"),
        ("https://crm.example.com:99999/", "is no address"),
        ("https://crm.example.com:0/", "holds what no address may hold"),
        ("https://crm.example.com/\r\nX-Evil: 1", "holds what no address may hold"),
        ("https://crm_exa mple.com/", "holds what no address may hold"),
        ("https://-crm.example.com/", "is no host"),
        ("https://" + "a" * 64 + ".com/", "is no host"),
        ("", "only http and https"),
    ],
)
def test_what_is_no_address_of_a_receiver_is_refused_in_words(url: str, why: str) -> None:
    with pytest.raises(UnreachableError, match=why):
        addresses(url, "8.8.8.8")


@pytest.mark.parametrize(
    ("url", "found", "allow"),
    [
        ("http://crm.internal:8080/x", "10.1.2.3", ["crm.internal"]),
        ("http://CRM.internal./x", "10.1.2.3", ["crm.internal"]),
        ("http://crm.example.com/", "10.1.2.3", ["10.1.0.0/16"]),
        ("http://crm.example.com/", "::ffff:10.1.2.3", ["10.1.0.0/16"]),
        ("https://crm.example.com:9443/", "fd12::5", ["fd12::/16"]),
        ("http://127.0.0.1:9000/", "", ["127.0.0.1"]),
    ],
)
def test_what_the_setting_names_may_be_private_and_without_tls(
    url: str, found: str, allow: list[str]
) -> None:
    assert len(addresses(url, found, allow=allow)) == 1


def test_what_the_setting_names_lets_nothing_else_through() -> None:
    with pytest.raises(UnreachableError):
        addresses("http://other.internal/", "10.2.0.1", allow=["crm.internal", "10.1.0.0/16"])


@pytest.mark.parametrize("word", ["", "a b", "10.0.0.1/99", "http://crm.internal", "300.1.2.3", "-x"])
def test_a_word_that_is_neither_host_nor_network_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="^" + word.replace("/", "/")):
        Reach.of([word])


def test_names_in_other_letters_travel_as_the_domain_system_knows_them() -> None:
    target = read_target("https://Bücher.example/Wege?für=alle&x=%20")

    assert (target.host, target.name) == ("xn--bcher-kva.example", "xn--bcher-kva.example")
    assert target.path == "/Wege?f%C3%BCr=alle&x=%20"


def test_an_address_that_cannot_be_read_is_not_repeated() -> None:
    with pytest.raises(UnreachableError) as caught:
        read_target("https://crm.example.com:99999/hooks/s3cret")

    assert "s3cret" not in str(caught.value)
