"""Business statuses: which delivery a report means, whose feed shows it, and what becomes the current state."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Awaitable
from datetime import UTC, datetime

import pytest

from hub import clock
from hub.delivery.lease import Leases
from hub.envelope.model import ParsedStatus, Party, ResponseFor
from hub.ledger import agencies, deliveries, exchange_log, receipts
from hub.ledger.deliveries import MatrixRow
from hub.ledger.exchange_log import LogQuery
from hub.problems import Refused
from hub.receipts.statuses import MAX_DESCRIPTION, Reported, Statuses, StatusReport
from hub.signatures.jws import open_jws
from hub.validation import VerifiedStatus
from hub.validation.verdict import SignerFacts
from tests.ledger.stage import Stage

DOCUMENT = "G22,2026/11/20,7816/VPCP-TTĐT"
AT = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
SYSTEMS = {"G22": "sender", "H33": "h33", "H33.01": "h33", "H40": "h40"}


@pytest.fixture
def statuses(stage: Stage) -> Statuses:
    return Statuses(stage.ledger, stage.signer)


async def message(
    stage: Stage, code: str, *, by: str, about: str, text: str = "", document: str = DOCUMENT, at: str = "", **more: str
) -> Reported:
    """An edXML status message by agency ``by`` about a document of (or to) agency ``about``."""
    reporter = stage.ledger.read_now(agencies.find, [by])[by]
    content = ParsedStatus(Party(code=by, name=""), ResponseFor(about, "", document), code, text, at)
    body = f"<status>{by} {about} {document} {code} {text} {at}</status>".encode()
    verified = VerifiedStatus(content, reporter, None)
    return await Statuses(stage.ledger, stage.signer).report_message(more.get("system", SYSTEMS[by]), verified, body)


async def code_of(work: Awaitable[object]) -> str:
    with pytest.raises(Refused) as refusal:
        await work
    return refusal.value.code


async def taken(stage: Stage, system: str, delivery_id: str) -> None:
    stage.ledger.write_now(deliveries.take_over, [delivery_id], clock.now())
    [leased] = await Leases(stage.ledger, stage.signer).take(system, 1, 60, 0)
    assert leased.id == delivery_id


def row(stage: Stage, envelope_id: str, code: str = "H33") -> MatrixRow:
    return next(one for one in stage.ledger.read_now(deliveries.matrix, envelope_id) if one.code == code)


def shown_to(stage: Stage, system: str) -> list[tuple[str, str, str]]:
    found, _ = stage.ledger.read_now(receipts.feed, system, None, 100)
    return [(one.code, one.description, one.recipient_code) for one in found if one.kind == "status"]


async def test_a_status_reaches_the_sender_with_the_recipients_own_message_inside(stage: Stage) -> None:
    stored = stage.accept("H33", "H40", document_id=DOCUMENT)
    reported = await message(stage, "03", by="H33", about="G22", text="Đã vào sổ")
    assert reported.new
    assert (reported.envelope_id, reported.delivery_id) == (stored.envelope_id, dict(stored.deliveries)["H33"])
    key = stage.signer.key
    payload = open_jws(reported.jws, {key.kid: key.public}, "lienthong-receipt+jws")
    body = base64.b64decode(payload["status_message"])
    assert (payload["event"], payload["code"], payload["description"]) == ("status.received", "03", "Đã vào sổ")
    assert (payload["sender"], payload["recipient"], payload["reported_by"]) == ("G22", "H33", "H33")
    assert payload["sha256"] == stored.sha256
    assert payload["reporter_signature"] == "absent"
    assert "Đã vào sổ" in body.decode()
    assert shown_to(stage, "sender") == [("03", "Đã vào sổ", "H33")]
    assert shown_to(stage, "h33") == []
    assert row(stage, stored.envelope_id).status_code == "03"
    assert row(stage, stored.envelope_id, "H40").status_code is None


@pytest.mark.parametrize(("revocation", "word"), [("good", "valid"), ("pending", "pending")])
async def test_the_receipt_says_what_is_known_of_the_reports_signature(
    stage: Stage, revocation: str, word: str
) -> None:
    """Never ``valid`` while it is not known whether the signer was revoked."""
    stage.accept("H33", document_id=DOCUMENT)
    reporter = stage.ledger.read_now(agencies.find, ["H33"])["H33"]
    content = ParsedStatus(Party(code="H33", name=""), ResponseFor("G22", "", DOCUMENT), "03", "", "")
    signer = SignerFacts("Cơ quan H33", "CA", "1", clock.rfc3339(AT), "0" * 64, "", "", revocation)
    verified = VerifiedStatus(content, reporter, signer)
    reported = await Statuses(stage.ledger, stage.signer).report_message(SYSTEMS["H33"], verified, b"<status/>")
    key = stage.signer.key
    assert open_jws(reported.jws, {key.kid: key.public}, "lienthong-receipt+jws")["reporter_signature"] == word


async def test_a_status_never_moves_the_delivery(stage: Stage) -> None:
    stored = stage.accept("H33", document_id=DOCUMENT)
    await message(stage, "06", by="H33", about="G22")
    assert row(stage, stored.envelope_id).state == "pending"


async def test_the_current_state_is_the_furthest_reported_in_any_order(stage: Stage) -> None:
    stored = stage.accept("H33", document_id=DOCUMENT)
    for code in ("05", "01", "06", "03", "04"):
        await message(stage, code, by="H33", about="G22", text=f"bước {code}")
    current = row(stage, stored.envelope_id)
    assert (current.status_code, current.status_description) == ("06", "bước 06")
    assert [code for code, _, _ in shown_to(stage, "sender")] == ["05", "01", "06", "03", "04"]


@pytest.mark.parametrize("code", ["07", "08", "09", "10", "11", "12", "14"])
async def test_a_code_without_known_meaning_is_kept_and_displaces_no_known_one(stage: Stage, code: str) -> None:
    stored = stage.accept("H33", document_id=DOCUMENT)
    await message(stage, code, by="H33", about="G22", text="trước")
    assert row(stage, stored.envelope_id).status_code == code
    await message(stage, "01", by="H33", about="G22")
    await message(stage, code, by="H33", about="G22", text="sau")
    assert row(stage, stored.envelope_id).status_code == "01"
    assert [one for one, _, _ in shown_to(stage, "sender")] == [code, "01", code]


@pytest.mark.parametrize("code", ["", "0", "00", "17", "99", "3", "003", "ab", "٠٣", " 3"])
async def test_what_is_no_code_is_refused(stage: Stage, statuses: Statuses, code: str) -> None:
    delivery_id = stage.accept("H33", document_id=DOCUMENT).deliveries[0][1]
    assert await code_of(message(stage, code, by="H33", about="G22")) == "status-code-invalid"
    report = StatusReport(delivery_id, code, "", AT)
    assert await code_of(statuses.report("h33", report)) == "status-code-invalid"
    assert shown_to(stage, "sender") == []


@pytest.mark.parametrize(("code", "business_type"), [("01", 0), ("03", 0), ("06", 0), ("13", 0), ("15", 1), ("16", 1)])
async def test_where_document_and_recall_share_an_id_the_code_says_which_is_meant(
    stage: Stage, code: str, business_type: int
) -> None:
    both = {kind: stage.accept("H33", document_id=DOCUMENT, business_type=kind) for kind in (0, 1)}
    by, about = ("G22", "H33") if code == "13" else ("H33", "G22")
    reported = await message(stage, code, by=by, about=about)
    assert reported.envelope_id == both[business_type].envelope_id


@pytest.mark.parametrize(("code", "business_type"), [("03", 1), ("15", 0), ("13", 0), ("13", 1)])
async def test_where_only_the_other_kind_exists_it_is_meant(stage: Stage, code: str, business_type: int) -> None:
    only = stage.accept("H33", document_id=DOCUMENT, business_type=business_type)
    by, about = ("G22", "H33") if code == "13" else ("H33", "G22")
    assert (await message(stage, code, by=by, about=about)).envelope_id == only.envelope_id


async def test_of_several_changes_the_newest_is_meant(stage: Stage) -> None:
    early = datetime(2026, 11, 20, tzinfo=UTC)
    stage.accept("H33", document_id=DOCUMENT, business_type=1, at=early)
    newest = stage.accept("H33", document_id=DOCUMENT, business_type=2, at=AT)
    assert (await message(stage, "15", by="H33", about="G22")).envelope_id == newest.envelope_id


async def test_a_request_to_give_back_goes_from_the_sender_to_the_recipient(stage: Stage) -> None:
    stored = stage.accept("H33", "H40", document_id=DOCUMENT)
    await taken(stage, "h33", dict(stored.deliveries)["H33"])
    reported = await message(stage, "13", by="G22", about="H33", text="Gửi nhầm")
    assert reported.delivery_id == dict(stored.deliveries)["H33"]
    assert shown_to(stage, "h33") == [("13", "Gửi nhầm", "H33")]
    assert shown_to(stage, "sender") == []
    assert shown_to(stage, "h40") == []


async def test_the_wrong_side_may_not_report(stage: Stage, statuses: Statuses) -> None:
    delivery_id = stage.accept("H33", document_id=DOCUMENT).deliveries[0][1]
    mismatch = "status-reporter-mismatch"
    assert await code_of(message(stage, "13", by="H33", about="G22")) == mismatch
    assert await code_of(message(stage, "03", by="G22", about="H33")) == mismatch
    assert await code_of(statuses.report("h33", StatusReport(delivery_id, "13", "", AT))) == mismatch
    assert await code_of(statuses.report("sender", StatusReport(delivery_id, "03", "", AT))) == mismatch
    assert shown_to(stage, "sender") == shown_to(stage, "h33") == []


async def test_an_agency_that_received_nothing_has_nothing_to_report(stage: Stage, statuses: Statuses) -> None:
    delivery_id = stage.accept("H33", document_id=DOCUMENT).deliveries[0][1]
    unknown = "status-document-unknown"
    assert await code_of(message(stage, "03", by="H40", about="G22")) == unknown
    assert await code_of(message(stage, "03", by="H33", about="H40")) == unknown
    assert await code_of(message(stage, "03", by="H33", about="nobody")) == unknown
    assert await code_of(message(stage, "03", by="H33", about="G22", document="another")) == unknown
    assert await code_of(message(stage, "03", by="H33", about="G22", document="")) == unknown
    assert await code_of(statuses.report("h40", StatusReport(delivery_id, "03", "", AT))) == "not-found"
    assert await code_of(statuses.report("h33", StatusReport("no such", "03", "", AT))) == "not-found"


async def test_a_sister_agency_of_the_same_system_reports_only_its_own(stage: Stage) -> None:
    ids = dict(stage.accept("H33", "H33.01", document_id=DOCUMENT).deliveries)
    assert (await message(stage, "03", by="H33.01", about="G22")).delivery_id == ids["H33.01"]
    assert (await message(stage, "03", by="H33", about="G22")).delivery_id == ids["H33"]


@pytest.mark.parametrize("reason", ["", "   "])
async def test_a_refusal_by_the_office_needs_its_reason(stage: Stage, statuses: Statuses, reason: str) -> None:
    delivery_id = stage.accept("H33", document_id=DOCUMENT).deliveries[0][1]
    assert await code_of(message(stage, "02", by="H33", about="G22", text=reason)) == "reason-missing"
    assert await code_of(statuses.report("h33", StatusReport(delivery_id, "02", reason, AT))) == "reason-missing"
    assert (await message(stage, "02", by="H33", about="G22", text="Sai thẩm quyền")).new


async def test_a_description_is_kept_up_to_its_limit_and_refused_beyond(stage: Stage) -> None:
    stored = stage.accept("H33", document_id=DOCUMENT)
    longest = "ệ" * MAX_DESCRIPTION
    await message(stage, "03", by="H33", about="G22", text=longest)
    assert row(stage, stored.envelope_id).status_description == longest
    assert await code_of(message(stage, "05", by="H33", about="G22", text=longest + "x")) == "metadata-too-long"


async def test_the_same_report_again_gives_the_first_receipt_and_writes_nothing(
    stage: Stage, statuses: Statuses
) -> None:
    delivery_id = stage.accept("H33", document_id=DOCUMENT).deliveries[0][1]
    report = StatusReport(delivery_id, "03", "Đã vào sổ", AT)
    first, again = await statuses.report("h33", report), await statuses.report("h33", report)
    assert (first.new, again.new) == (True, False)
    assert (first.jws, first.receipt_id) == (again.jws, again.receipt_id)
    assert len(shown_to(stage, "sender")) == 1
    entries, _ = stage.ledger.read_now(exchange_log.query, LogQuery(kind="status.received"), None, 10)
    assert len(entries) == 1


async def test_a_repeat_of_an_old_state_does_not_bring_it_back(stage: Stage) -> None:
    stored = stage.accept("H33", document_id=DOCUMENT)
    await message(stage, "03", by="H33", about="G22", at="2026/11/21 09:00:00")
    await message(stage, "06", by="H33", about="G22", at="2026/11/21 10:00:00")
    assert not (await message(stage, "03", by="H33", about="G22", at="2026/11/21 09:00:00")).new
    assert row(stage, stored.envelope_id).status_code == "06"


async def test_the_same_code_at_another_time_or_with_another_text_is_another_fact(stage: Stage) -> None:
    stage.accept("H33", document_id=DOCUMENT)
    told = [
        await message(stage, "05", by="H33", about="G22", text=text, at=at)
        for text, at in (("một", "1"), ("hai", "1"), ("một", "2"))
    ]
    assert [one.new for one in told] == [True, True, True]
    assert len(shown_to(stage, "sender")) == 3


async def test_reports_at_the_same_moment_are_one_fact(stage: Stage, statuses: Statuses) -> None:
    delivery_id = stage.accept("H33", document_id=DOCUMENT).deliveries[0][1]
    report = StatusReport(delivery_id, "03", "", AT)
    told = await asyncio.gather(*(statuses.report("h33", report) for _ in range(10)))
    assert len({one.jws for one in told}) == 1
    assert sum(one.new for one in told) == 1


async def test_the_digest_of_the_message_is_kept_with_its_receipt(stage: Stage) -> None:
    from sqlalchemy import select

    from hub.ledger.tables import receipt

    stage.accept("H33", document_id=DOCUMENT)
    reported = await message(stage, "03", by="H33", about="G22")
    kept = stage.ledger.read_now(
        lambda tx: tx.execute(select(receipt.c.payload_sha256).where(receipt.c.id == reported.receipt_id)).scalar_one()
    )
    key = stage.signer.key
    payload = open_jws(reported.jws, {key.kid: key.public}, "lienthong-receipt+jws")
    assert kept == hashlib.sha256(base64.b64decode(payload["status_message"])).hexdigest()


async def test_a_report_by_an_old_identifier_is_about_the_agency_that_holds_it(stage: Stage) -> None:
    from hub import clock
    from hub.ledger.agencies import NewAgency

    old = NewAgency("G99", "Cơ quan cũ", "sender", aliases=("000.00.00.G99",))
    stage.ledger.write_now(agencies.add, old, clock.now())
    stored = stage.accept("H33", document_id=DOCUMENT, sender="G99")
    assert (await message(stage, "03", by="H33", about="000.00.00.G99")).envelope_id == stored.envelope_id
