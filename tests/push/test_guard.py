"""Where a URL may lead: forms that are refused, addresses that are not connected to, names that change their mind."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.push.transport import Names
from hub.delivery.carrier import Delivered
from hub.problems import Refused
from hub.registry import push
from hub.registry.reach import Reach, Target
from tests.push.conftest import BRIEF, LOOPBACK, Line, failed
from tests.push.receiver import Receiver

PUBLIC = "93.184.216.34"  # an address of the public internet; nothing here connects to it
STRICT = Reach()

HOSTILE = [
    "", "https://", "https:///in", "//h33.example/in", "h33.example", "ftp://h33.example/", "file:///etc/passwd",
    "gopher://h33.example/", "https:h33.example", "https:/h33.example/", "HTTPS://h33.example\\@127.0.0.1/",
    "https://user@h33.example/", "https://user:pass@h33.example/", "https://h33.example@127.0.0.1/",
    "https://h33.example/#frag", "https://h33.example#@127.0.0.1/", "https://h33.example/\r\nHost: x",
    "https://h33.example/in put", "https://h33.example/\tin", " https://h33.example/", "https://h33.example/ ",
    "https://h33.example\n/", "https://h33.example\x00/", "https://h33.example:0/", "https://h33.example:65536/",
    "https://h33.example:99999/", "https://h33.example:-1/", "https://h33.example:80a/", "https://h33.example:/",
    "https://cơ-quan.example/", "https://h33。example/", "https://①②⑦.⓪.⓪.①/", "https://localhost./",
    "https://.h33.example/", "https://h33..example/", "https://-h33.example/", "https://h33-/", "https://%31%32/",
    "https://h33.example/<script>", 'https://h33.example/"', "https://h33.example/\\..\\", "https://h33.example/^",
    "http://h33.example/in", "http://10.0.0.1/", f"http://{PUBLIC}/", "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 130 + "example/", "https://h33.example/" + "a" * 3000, "https://[::1", "https://::1/",
    "https://[::1%25lo]/", "https://[fe80::1%lo]/", "https://[1::2::3]/", "https://[127.0.0.1]/",
    # IPv4 addresses in the forms that inet_aton understands
    "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://127.1/", "https://017700000001/",
    "https://0177.0.0.1/", "https://127.0.0.1.1/", "https://1.2.3.256/", "https://1/", "https://h33.0x7f/",
    "https://h33.example.1/", "https://00000127.0.0.1/",
    # addresses that are not public
    "https://127.0.0.1/", "https://127.255.255.254:8443/", "https://0.0.0.0/", "https://10.1.2.3/",
    "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/", "https://169.254.169.254/latest/",
    "https://100.64.0.1/", "https://100.127.255.255/", "https://192.0.0.1/", "https://192.0.2.1/",
    "https://192.88.99.1/", "https://198.18.0.1/", "https://198.51.100.7/", "https://203.0.113.7/",
    "https://224.0.0.1/", "https://239.255.255.250/", "https://240.0.0.1/", "https://255.255.255.255/",
    "https://[::]/", "https://[::1]/", "https://[::7f00:1]/", "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a00:1]/", "https://[::ffff:0:127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::10.0.0.1]/", "https://[64:ff9b:1::1]/", "https://[2002:7f00:1::]/", "https://[2002:a00:1::1]/",
    "https://[2001::1]/", "https://[2001:db8::1]/", "https://[3fff::1]/", "https://[fc00::1]/", "https://[fd12::1]/",
    "https://[fe80::1]/", "https://[fec0::1]/", "https://[ff02::1]/", "https://[100::1]/", "https://[4000::1]/",
    "https://[5f00::1]/", "https://[2620:4f:8000::1]/",
]  # fmt: skip


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        STRICT.target(url)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://h33.example", Target("https", "h33.example", 443, "/")),
        ("https://H33.Example:8443/in?a=1&b=%20", Target("https", "h33.example", 8443, "/in?a=1&b=%20")),
        ("https://h33.example?x", Target("https", "h33.example", 443, "/?x")),
        ("https://xn--c-quan-j8a.example/", Target("https", "xn--c-quan-j8a.example", 443, "/")),
        ("https://a_b.intern:1/", Target("https", "a_b.intern", 1, "/")),
        (f"https://{PUBLIC}:65535/", Target("https", PUBLIC, 65535, "/")),
        ("https://[2606:2800:220:1:0:0:25C8:1946]/", Target("https", "2606:2800:220:1::25c8:1946", 443, "/")),
        ("https://[64:ff9b::5db8:d822]/", Target("https", "64:ff9b::5db8:d822", 443, "/")),
        ("http://localhost:9000/in", Target("http", "localhost", 9000, "/in")),
    ],
)  # fmt: skip
def test_an_honest_url_is_taken_apart(url: str, target: Target) -> None:
    assert STRICT.target(url) == target


@given(st.text(max_size=60))
def test_no_text_leads_to_a_place_that_is_not_allowed(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}/in", f"https://h33.example{text}"):
        try:
            target = STRICT.target(url)
        except ValueError:
            continue
        assert target.scheme in ("https", "http")
        assert (target.scheme == "https") or target.host == "localhost"
        assert target.host.isascii()
        assert not set(target.host + target.path) & set("@#\\ \t\r\n")


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_what_python_knows_to_be_special_is_special_here(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    standing_for_another = isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped or address.sixtofour or address in ipaddress.IPv6Network("64:ff9b::/96")
    )
    if not standing_for_another and (not address.is_global or address.is_multicast or address.is_reserved):
        assert STRICT.refusal(address)


def test_networks_are_allowed_by_name_and_plain_http_into_them_only() -> None:
    reach = Reach.of("10.20.0.0/16, fd00:20::/48")
    reach.target("https://10.20.3.4/in")
    reach.target("https://[fd00:20::7]/in")
    reach.target("https://[::ffff:10.20.3.4]/in")
    for url in ("https://10.21.3.4/", "https://[fd00:21::7]/", "http://10.20.3.4/", "https://127.0.0.1/"):
        with pytest.raises(ValueError, match=r"\w"):
            reach.target(url)
    plain = Reach.of("10.20.0.0/16", plain_http=True)
    plain.target("http://10.20.3.4/in")
    plain.target("http://h33.intern/in")  # where it leads is seen later
    assert plain.refusal(ipaddress.ip_address(PUBLIC), "http")
    assert not plain.refusal(ipaddress.ip_address(PUBLIC), "https")
    with pytest.raises(ValueError, match="host bits"):
        Reach.of("10.20.1.0/16")


@pytest.mark.parametrize(
    ("url", "options"),
    [
        (None, {}), ("http://h33.example/", {}), ("https://10.0.0.1/", {}), ("https://h33.example/", {"body": "pdf"}),
        ("https://h33.example/", {"signature": "none"}), ("https://h33.example/", {"document_bytes": "-1"}),
        ("https://h33.example/", {"proxy": "x"}), ("https://h33.example/", {"keys": "0"}),
        ("https://h33.example/", {"keys": "2,"}), ("https://h33.example/", {"keys": "1,2,3,4"}),
    ],
)  # fmt: skip
def test_what_cannot_be_pushed_to_is_not_registered(url: str | None, options: dict[str, str]) -> None:
    with pytest.raises(Refused, match="registry-invalid"):
        push.check(url, options, STRICT)
    push.check(
        "https://h33.example/in", {"body": "notice", "signature": "v1", "document_bytes": "1000", "keys": "2,1"}, STRICT
    )


def answering(*answers: list[str]) -> Callable[[str, int], object]:
    """A name server that says something else every time; the last answer stays."""
    left = list(answers)

    async def resolve(_host: str, _port: int) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["10.0.0.1", "192.168.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], ["fe80::1%2"], []],
)
async def test_a_name_that_leads_to_a_forbidden_address_is_not_connected_to(
    opened: Callable[..., Line], answers: list[str]
) -> None:
    line = opened(reach=STRICT, resolve=answering(answers))
    url = f"https://h33.example:{line.receiver.port}/in"
    outcome = failed(await line.push(to=line.registered(url)), "address-forbidden")
    assert "not allowed" in outcome.detail or not answers
    assert line.receiver.connections == 0


async def test_a_name_that_changes_its_mind_is_judged_anew_at_every_connection(opened: Callable[..., Line]) -> None:
    """DNS rebinding: the address that was looked at is the one that is connected to; there is no second question."""
    asked = 0

    async def resolve(_host: str, _port: int) -> list[str]:
        nonlocal asked
        asked += 1
        return ["127.0.0.1"] if asked == 1 else ["169.254.169.254"]

    line = opened(resolve=resolve)
    system = line.registered(f"http://localhost:{line.receiver.port}/in")
    assert isinstance(await line.push(to=system), Delivered)
    assert asked == 1
    assert line.receiver.pushes[0].headers["host"] == f"localhost:{line.receiver.port}"
    line.receiver.close()  # the connection that was good is gone
    line.receiver.open()
    await asyncio.sleep(0.05)
    outcome = failed(await line.push(to=system), "address-forbidden")
    assert "169.254.169.254" in outcome.detail
    assert asked == 2


async def test_the_first_address_that_answers_is_taken_and_forbidden_ones_are_left_out(
    opened: Callable[..., Line],
) -> None:
    # nobody listens on the second loopback address
    line = opened(resolve=answering(["10.0.0.1", "127.0.0.2", "127.0.0.1"]))
    outcome = await line.push(to=line.registered(f"http://localhost:{line.receiver.port}/in"))
    assert isinstance(outcome, Delivered)
    assert outcome.evidence["peer"] == f"127.0.0.1:{line.receiver.port}"


async def test_a_redirect_to_a_private_address_leads_nowhere(opened: Callable[..., Line]) -> None:
    from tests.push.receiver import Say

    line = opened(reach=Reach.of("127.0.0.1/32"))
    with Receiver() as inside:
        line.receiver.script = [Say(307, b"", {"Location": f"http://127.0.0.2:{inside.port}/admin"})]
        failed(await line.push(), "redirected")
        assert inside.connections == 0


async def test_loopback_is_forbidden_unless_it_is_allowed(opened: Callable[..., Line]) -> None:
    line = opened(reach=STRICT)
    failed(await line.push(), "address-forbidden")
    assert line.receiver.connections == 0
    assert isinstance(await opened(reach=Reach.of(LOOPBACK)).push(), Delivered)


async def test_plain_http_leaves_this_machine_only_where_it_is_allowed(opened: Callable[..., Line]) -> None:
    line = opened(reach=Reach.of("10.0.0.0/8"), resolve=answering(["10.0.0.1"]))
    outcome = failed(await line.push(to=line.registered("http://localhost/in")), "address-forbidden")
    assert "without TLS" in outcome.detail


async def test_an_unknown_name_is_unreachable_and_a_silent_name_server_times_out(opened: Callable[..., Line]) -> None:
    async def unknown(_host: str, _port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    async def silent(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    for resolve, code in ((unknown, "unreachable"), (silent, "timed-out")):
        line = opened(resolve=resolve, timeout=BRIEF)
        failed(await line.push(to=line.registered("https://h33.example/in")), code)


async def test_proxies_of_the_environment_are_not_used(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(path=""))
        assert isinstance(await line.push(), Delivered)
        assert proxy.connections == 0


async def test_the_systems_resolver_is_asked_in_threads_of_its_own() -> None:
    names = Names()
    assert "127.0.0.1" in await names("localhost", 80)
    names.close()
