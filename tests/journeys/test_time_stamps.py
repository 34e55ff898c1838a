"""A hub whose time-stamping authority goes away and comes back: traffic goes on, and everything gets its stamp."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import httpx
import pytest

from hub import clock
from hub.cli import outward
from hub.ledger import log_troubles, people, timestamps
from hub.ledger.timestamps import Bounds
from hub.problems import Misconfigured
from hub.registry.passwords import hash_password
from hub.settings import load
from hub.signatures.timestamps import TimeTrust, checked
from tests.services.tsa import OTHER_POLICY, TimeAuthority, root
from tests.world import Office, World, eventually

PASSWORD = "đường-về-quê-xa"
MINUTES = 120.0  # for what a loaded machine does in a second


def bounds(world: World, envelope: str) -> Bounds:
    return world.ledger.read_now(timestamps.bounds_of_letter, envelope)


def time_stamp(world: World, browser: httpx.Client, envelope: str) -> str:
    """What the letter's page says."""
    answer = browser.get(f"/envelopes/{envelope}")
    assert answer.status_code == 200
    found = re.search(r"<dt>Time stamp</dt><dd>([^<]*)</dd>", answer.text)
    return "" if found is None else found[1]


def operator(world: World) -> httpx.Client:
    login = f"truc-{uuid.uuid4().hex[:8]}"
    digest = hash_password(PASSWORD)
    world.ledger.write_now(people.add_person, login, "Trực vận hành", ("operator",), digest, None, clock.now())
    browser = httpx.Client(base_url=world.url, headers={"Accept-Language": "en"}, timeout=60)
    assert browser.post("/login", data={"login": login, "password": PASSWORD}).status_code == 303
    return browser


def send(sender: Office, recipient: Office) -> str:
    return sender.client.post_envelope(sender.letter(recipient.code))["id"]


def test_an_authority_that_is_away_stops_nothing_and_is_made_up_for(tmp_path: Path) -> None:
    with TimeAuthority(tmp_path / "tsa", root()) as authority:
        environment = {
            "LIENTHONG_TSA_URLS": authority.url,
            "LIENTHONG_TSA_CA_FILE": str(authority.root_file),
            "LIENTHONG_TSA_EVERY_SECONDS": "1",
            "LIENTHONG_SEAL_EVERY_SECONDS": "0.1",
        }
        with World(tmp_path / "hub", environment) as world:
            world.start("up")
            browser, sender, recipient = operator(world), world.office(), world.office()
            first = send(sender, recipient)
            eventually(lambda: bounds(world, first).not_after, MINUTES)
            assert "certified by 127.0.0.1" in time_stamp(world, browser, first)

            authority.down = True
            waiting = [send(sender, recipient) for _ in range(3)]
            eventually(lambda: all(bounds(world, one).sealed_at for one in waiting), MINUTES)
            for one in waiting:
                told = bounds(world, one)
                assert told.pending_since == told.sealed_at
                assert told.not_before is not None
                assert re.match(r"pending since .*; in the log at the earliest ", time_stamp(world, browser, one))

            authority.down = False
            eventually(lambda: all(bounds(world, one).not_after for one in waiting), MINUTES)
            assert all(not time_stamp(world, browser, one).startswith("pending") for one in waiting)
            assert world.ledger.read_now(log_troubles.every) == []
            [kept] = world.ledger.read_now(timestamps.latest)
            assert "Verification: OK" in authority.verify(kept.token, kept.note.encode())
            assert checked(kept.token, kept.note.encode(), TimeTrust.parse(authority.root.pem)).at == kept.stamped_at
            browser.close()


async def test_the_doctor_asks_each_authority_for_a_stamp_and_says_what_is_wrong(tmp_path: Path) -> None:
    above = root()
    with TimeAuthority(tmp_path / "first", above) as good, TimeAuthority(tmp_path / "second", root()) as stranger:
        urls = f"{good.url}, {stranger.url.replace('://', '://user:secret@')}"
        settings = load(tsa_urls=urls, tsa_ca_file=good.root_file, smtp_url=None)
        told = [one for one in await outward.examine(settings) if one[0] == "time stamps"]
        assert [one[1] for one in told] == [True, False]
        assert "CN=Time authority" in told[0][2]
        assert "its certificate:" in told[1][2]
        assert "secret" not in told[1][2]
        other = load(tsa_urls=good.url, tsa_ca_file=good.root_file, tsa_policy=OTHER_POLICY)
        [(_, well, words)] = [one for one in await outward.examine(other) if one[0] == "time stamps"]
        assert well
        assert OTHER_POLICY in words
        (tmp_path / "none.pem").write_text("no certificate")
        for file in ("none.pem", "missing.pem"):
            wrong = load(tsa_urls=good.url, tsa_ca_file=tmp_path / file)
            [(_, well, words)] = [one for one in await outward.examine(wrong) if one[0] == "time stamps"]
            assert not well
            assert file in words


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"tsa_urls": "http://tsa.example"}, "LIENTHONG_TSA_URLS"),
        ({"tsa_urls": "tsa.example", "tsa_ca_file": "roots.pem"}, "LIENTHONG_TSA_URLS"),
        ({"tsa_urls": "http://a.example,,http://b.example", "tsa_ca_file": "roots.pem"}, "LIENTHONG_TSA_URLS"),
        ({"tsa_urls": "http://tsa.example:99999", "tsa_ca_file": "roots.pem"}, "LIENTHONG_TSA_URLS"),
        ({"tsa_policy": "1.02"}, "LIENTHONG_TSA_POLICY"),
        ({"tsa_every_seconds": "0"}, "LIENTHONG_TSA_EVERY_SECONDS"),
        ({"tsa_proxy": "https://proxy.example"}, "LIENTHONG_TSA_PROXY"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, str], place: str) -> None:
    with pytest.raises(Misconfigured) as wrong:
        load(**given)
    assert [one.location for one in wrong.value.findings] == [place]
