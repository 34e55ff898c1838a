"""What the intake saw, on the pages: alerts first, what could not be judged, findings by rule, a letter's facts."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.dashboard.conftest import Site
from tests.dashboard.seeding import PASSWORD


@pytest.fixture
def client(watched: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=watched.address, headers={"Accept-Language": "en"}) as opened:
        yield opened


def page(client: httpx.Client, path: str, login: str = "truc") -> str:
    client.post("/login", data={"login": login, "password": PASSWORD})
    response = client.get(path)
    assert response.status_code == 200
    return response.text


def test_alerts_of_the_last_day_come_right_after_the_one_sentence(client: httpx.Client) -> None:
    overview = page(client, "/")
    alerts_at = overview.index("Alerts of the last 24 hours")
    assert overview.index("live-headline") < alerts_at < overview.index("live-chart")
    alerts = overview.split('<section class="alerts"')[1].split("</section>")[0]
    assert "Malware was found in an attachment" in alerts
    assert "Ủy ban nhân dân huyện An Phú" in alerts
    assert "state secret" not in alerts, "that alert is older than a day"
    assert 'href="/refusals?outcome=refused&amp;code=attachment-malware"' in alerts


def test_an_alert_leads_to_the_refusal_that_it_is_about(client: httpx.Client) -> None:
    refusals = page(client, "/refusals?outcome=refused&code=attachment-malware")
    assert "du-toan.docx: Test.Signature" in refusals
    assert "could not be judged; the sender" not in refusals


def test_what_could_not_be_judged_is_counted_by_its_reason(client: httpx.Client) -> None:
    overview = page(client, "/")
    assert "3 submissions could not be judged" in overview
    assert 'href="/refusals?outcome=deferred&amp;code=trust-unavailable"' in overview
    assert "The hub cannot judge certificates now" in overview


def test_a_hub_without_scanner_says_that_attachments_are_not_scanned(client: httpx.Client) -> None:
    assert "no scanner is configured" in page(client, "/")


def test_a_clerk_is_neither_alerted_nor_told_about_others(client: httpx.Client) -> None:
    overview = page(client, "/", "vanthu")
    assert "Alerts of" not in overview
    assert "could not be judged" not in overview
    assert "no scanner" not in overview


def test_a_quiet_hub_alerts_nobody(quiet: Site) -> None:
    with httpx.Client(base_url=quiet.address, headers={"Accept-Language": "en"}) as client:
        overview = page(client, "/")
    assert '<section class="alerts"' not in overview
    assert "could not be judged" not in overview


def test_a_refusal_names_place_rule_clause_and_remedy_of_each_finding(client: httpx.Client) -> None:
    refusals = page(client, "/refusals?outcome=refused")
    assert "/edXML/edXMLEnvelope/edXMLHeader/MessageHeader/Subject" in refusals
    assert 'href="/rules#rule-subject.length">At most 500 characters</a>' in refusals
    assert "(1.6)" in refusals
    assert refusals.count("To do:") == 2


def test_deferrals_are_listed_with_their_reason_and_are_no_refusals(client: httpx.Client) -> None:
    deferred = page(client, "/refusals?outcome=deferred")
    assert deferred.count("Could not be judged; the sender was asked to repeat.") == 3
    assert "no fresh list of the authority" in deferred
    assert "attachment-malware" not in deferred
    both = page(client, "/refusals")
    assert both.count('<div class="refusal-head">') == 4


def test_the_log_shows_alerts_under_their_own_heading(client: httpx.Client) -> None:
    log = page(client, "/log?kind=operator")
    assert log.count("The operator was alerted to what") >= 2
    assert '<option value="operator" selected>' in log


def test_a_letter_shows_what_was_seen_in_its_attachment(client: httpx.Client, watched: Site) -> None:
    letter = page(client, f"/envelopes/{watched.letters['intake']}")
    assert "PDF · 3 pages · 120 KB" in letter
    assert "wrapped it in a ZIP; inside is 5f0c.pdf, 118 KB" in letter
    assert "Not scanned for malware" in letter
    assert "Signed by Người ký mẫu, Sở Tài chính" in letter
    assert "Signed by Người ký khác, but the signature does not hold" in letter


def test_a_letter_shows_its_warnings_by_their_rule(client: httpx.Client, watched: Site) -> None:
    letter = page(client, f"/envelopes/{watched.letters['intake']}")
    assert "A metadata value is too long" in letter
    assert "140 of 100 characters" in letter
    assert 'href="/rules#rule-sphere.length"' in letter


def test_a_letter_whose_revocation_is_pending_says_so_and_why(client: httpx.Client, watched: Site) -> None:
    letter = page(client, f"/envelopes/{watched.letters['intake']}")
    assert "Revocation not known yet" in letter
    assert "CRL · http://crl.test/ca.crl" in letter
    assert "1 hour old when asked" in letter
    assert "time-out" in letter
    assert "the hub asks on" in letter
    assert "Not revoked" not in letter


def test_a_certificate_that_turns_out_revoked_alerts_and_stands_in_the_letter(
    client: httpx.Client, watched: Site
) -> None:
    identifier = watched.letters["settled"]
    alerts = page(client, "/").split('<section class="alerts"')[1].split("</section>")[0]
    assert f'href="/envelopes/{identifier}"' in alerts
    assert "It became known that the signer&#39;s certificate was revoked" in alerts
    letter = page(client, f"/envelopes/{identifier}")
    assert "key_compromise · revoked before the letter was accepted" in letter
    assert "the signer&#39;s certificate was revoked" in letter
    assert "Revocation not known yet" not in letter
    assert "the hub asks on" not in letter
