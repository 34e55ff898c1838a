"""Real messages of the national axis: accepted once really signed, and their statuses find the right agency.

The messages lie beside the repository and are not part of it; where they are not, this is skipped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.client import CallRefused
from adapters.client.proof import verify_receipt
from hub.signatures.sign import is_signed, sign, without_signatures
from tests.world import Office, World, eventually

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples do not lie beside this checkout")

# as the messages name them: the form of 2016, and one of its own making
COMMUNE, OTHER_COMMUNE = "000.00.00.A80", "28.22.H17"
OFFICE, NGHE_AN, CAO_BANG, HAI_PHONG = "000.00.00.G22", "000.00.00.H41", "000.00.00.H14", "000.00.00.G17"
DOCUMENT = "000.00.00.G22,2015/09/30,7816/VPCP-TTĐT"


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.edxml").read_bytes()


@pytest.fixture(scope="module", params=["embedded", "postgresql"])
def axis(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A hub of its own, in which the samples' identifiers are free."""
    environment: dict[str, str] = {}
    if request.param == "postgresql":
        environment["LIENTHONG_DATABASE_URL"] = request.getfixturevalue("postgresql").create_database("samples")
        environment["LIENTHONG_BROKER_URL"] = request.getfixturevalue("rabbitmq").create_vhost("samples")
    with World(tmp_path_factory.mktemp(f"samples-{request.param}"), environment) as world:
        for code in (COMMUNE, OTHER_COMMUNE, OFFICE, NGHE_AN, CAO_BANG, HAI_PHONG):
            world.office(code)
        world.start("up")
        yield world


@pytest.fixture(scope="module")
def original(axis: World) -> dict[str, Any]:
    """What sample 02 recalls, taken by its three recipients.

    It is not among the official samples, and a recall of what was never sent is refused: so the same letter as a new
    one.
    """
    message = without_signatures(sample("02_edoc_revocation_type1"))
    new = message.replace(b"BussinessDocType>1<", b"BussinessDocType>0<")
    assert new != message
    office = axis.offices[OFFICE]
    accepted = dict(office.client.post_envelope(sign(new, office.identity.signer)))
    for code in (NGHE_AN, CAO_BANG, HAI_PHONG):
        axis.offices[code].client.settle(take(axis.offices[code])["delivery"])
    return accepted


@pytest.fixture(scope="module")
def recall(axis: World, original: dict[str, Any]) -> dict[str, Any]:
    """Sample 02, accepted: with its original the messages that all the statuses are about."""
    return dict(axis.offices[OFFICE].client.post_envelope(resigned("02_edoc_revocation_type1", axis.offices[OFFICE])))


def resigned(name: str, office: Office) -> bytes:
    """The sample without its dummy signature, with a real one; not another octet changed."""
    message = sample(name)
    assert is_signed(message)
    stripped = without_signatures(message)
    assert not is_signed(stripped)
    return sign(stripped, office.identity.signer)


def take(office: Office) -> dict[str, Any]:
    return dict(eventually(lambda: office.client.inbox(limit=1, wait=5))[0])


def test_the_dummy_signature_is_refused(axis: World) -> None:
    with pytest.raises(CallRefused) as refusal:
        axis.offices[COMMUNE].client.post_envelope(sample("01_edoc_new_type0"))
    assert refusal.value.code == "signature-absent"  # it stands in the namespace of edXML, not of XML-DSig


def test_a_new_document_is_accepted_and_taken_byte_for_byte(axis: World) -> None:
    message = resigned("01_edoc_new_type0", axis.offices[COMMUNE])
    accepted = axis.offices[COMMUNE].client.post_envelope(message)
    assert (accepted["business_type"], accepted["document_id"]) == (0, DOCUMENT)
    assert [recipient["code"] for recipient in accepted["recipients"]] == [OTHER_COMMUNE]
    delivery = take(axis.offices[OTHER_COMMUNE])
    assert delivery["subject"] == "V/v kết nối, liên thông phần mềm quản lý văn bản"
    assert axis.offices[OTHER_COMMUNE].client.content(delivery["envelope"]) == message
    axis.offices[OTHER_COMMUNE].client.settle(delivery["delivery"])


def test_a_recall_is_accepted_and_reaches_its_three_recipients(axis: World, recall: dict[str, Any]) -> None:
    assert recall["business_type"] == 1
    assert [recipient["code"] for recipient in recall["recipients"]] == [NGHE_AN, CAO_BANG, HAI_PHONG]
    for code in (NGHE_AN, CAO_BANG, HAI_PHONG):
        client = axis.offices[code].client
        delivery = take(axis.offices[code])
        assert hashlib.sha256(client.content(delivery["envelope"])).hexdigest() == recall["sha256"]
        client.settle(delivery["delivery"])


STATUSES = (
    ("06_status_01_inbox", "01", NGHE_AN, OFFICE),
    ("07_status_02_rejection", "02", NGHE_AN, OFFICE),
    ("08_status_03_acceptance", "03", NGHE_AN, OFFICE),
    ("12_status_13_recall_request", "13", OFFICE, NGHE_AN),
    ("13_status_15_change_accept", "15", NGHE_AN, OFFICE),
)


def meant(code: str, original: dict[str, Any], recall: dict[str, Any]) -> str:
    """An agreement is about the recall; all else, the asking for it back too, about the document."""
    return str((recall if code == "15" else original)["id"])


@pytest.mark.parametrize(("name", "code", "reporter", "audience"), STATUSES, ids=[name for name, *_ in STATUSES])
def test_a_status_reaches_the_other_side_only(
    axis: World,
    original: dict[str, Any],
    recall: dict[str, Any],
    name: str,
    code: str,
    reporter: str,
    audience: str,
) -> None:
    message, about = sample(name), meant(code, original, recall)
    before = {office: latest(axis.offices[office]) for office in axis.offices}
    reply = axis.offices[reporter].client.report_status_message(message)
    assert (reply["envelope"], reply["code"]) == (about, code)
    for office in (OFFICE, NGHE_AN, CAO_BANG, HAI_PHONG, COMMUNE, OTHER_COMMUNE):
        page = axis.offices[office].client.feed(after=before[office])["receipts"]
        seen = [(one["code"], one["envelope"]) for one in page if one["kind"] == "status"]
        assert seen == ([(code, about)] if office == audience else []), office
    payload = verify_receipt(reply["receipt"], axis.auditor.jwks())
    assert (payload["event"], payload["recipient"]) == ("status.received", NGHE_AN)
    assert (payload["reported_by"], payload["reporter_signature"]) == (reporter, "absent")
    assert base64.b64decode(payload["status_message"]) == message  # the office's own words travel inside, untouched


def latest(office: Office) -> str:
    """The cursor after everything that this office's system has been told."""
    cursor = ""
    while page := office.client.feed(after=cursor, limit=100):
        cursor = page["next"] or cursor
        if not page["receipts"]:
            break
    return cursor


@pytest.mark.parametrize(("name", "code", "reporter", "audience"), STATUSES, ids=[name for name, *_ in STATUSES])
def test_the_same_status_again_is_the_same_fact(
    axis: World,
    original: dict[str, Any],
    recall: dict[str, Any],
    name: str,
    code: str,
    reporter: str,
    audience: str,
) -> None:
    first = axis.offices[reporter].client.report_status_message(sample(name))
    again = axis.offices[reporter].client.report_status_message(sample(name))
    assert first == again
    assert first["envelope"] == meant(code, original, recall)


@pytest.mark.parametrize(("name", "code", "reporter", "audience"), STATUSES, ids=[name for name, *_ in STATUSES])
def test_nobody_else_may_report_it(
    axis: World, recall: dict[str, Any], name: str, code: str, reporter: str, audience: str
) -> None:
    for office in (audience, CAO_BANG):
        with pytest.raises(CallRefused) as refusal:
            axis.offices[office].client.report_status_message(sample(name))
        assert (refusal.value.status, refusal.value.code) == (403, "sender-not-served")


def test_the_senders_matrix_shows_the_last_word_of_each_recipient(axis: World, recall: dict[str, Any]) -> None:
    matrix = {row["code"]: row for row in axis.offices[OFFICE].client.envelope(recall["id"])["recipients"]}
    status = matrix[NGHE_AN]["business_status"]
    assert status is not None
    assert (status["code"], status["description"]) == ("15", "Văn thư đồng ý yêu cầu cập nhật, lấy lại")
    assert matrix[CAO_BANG]["business_status"] is None


def test_the_question_and_its_answer_stand_with_the_document(
    axis: World, original: dict[str, Any], recall: dict[str, Any]
) -> None:
    matrix = {row["code"]: row for row in axis.offices[OFFICE].client.envelope(original["id"])["recipients"]}
    [agreed], [asked] = matrix[NGHE_AN]["changes"], matrix[CAO_BANG]["changes"]
    assert (agreed["kind"], agreed["outcome"], agreed["request"]) == ("recall", "agreed", recall["id"])
    assert (asked["outcome"], asked["answered_at"], asked["state_then"]) == ("asked", None, "settled")
    assert matrix[CAO_BANG]["business_status"]["code"] == "13"
