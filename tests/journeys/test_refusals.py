"""Every way of being refused, over HTTP, on both engines.

Each refusal has its own code and status in the problem document, a signed refusal that names the SHA-256 of what was
sent, and an entry in the exchange log; nothing of it reaches an inbox.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adapters.client.proof import verify_receipt
from adapters.sandbox.pki import Flaw
from hub import clock
from hub.envelope.writing import OutgoingAttachment, Party, StatusReport, document_message, status_message
from hub.envelope.writing import Reference as About
from hub.problems import CATALOGUE
from hub.signatures.sign import sign
from tests.hostile.forgery import RECIPIENT, SENDER, STRANGER, seal
from tests.hostile.stage import ELSEWHERE, SUSPENDED, Answer, Stage, set_up
from tests.hostile.test_attacks import CORPUS
from tests.intake.register import PDF, letter
from tests.world import World, eventually

LIMIT = 2 * 1024 * 1024  # octets, as the world is set up


Make = Callable[[Stage], bytes]


@pytest.fixture(scope="module")
def stage(world: World) -> Stage:
    return set_up(world)


def tampered(old: str, new: str) -> Make:
    """The signed letter with one piece of its text replaced by another; ``old`` is a pattern."""

    def make(stage: Stage) -> bytes:
        honest = stage.honest()
        changed = re.sub(old.encode(), new.encode(), honest, count=1)
        assert changed != honest
        return changed

    return make


def flipped(pattern: str) -> Make:
    """The signed letter with one octet of what the pattern's group finds changed to another letter or digit."""

    def make(stage: Stage) -> bytes:
        honest = stage.honest()
        found = re.search(pattern.encode(), honest, re.DOTALL)
        assert found is not None
        middle = (found.start(1) + found.end(1)) // 2
        other = b"A" if honest[middle : middle + 1] != b"A" else b"B"
        return honest[:middle] + other + honest[middle + 1 :]

    return make


def written(*recipients: str, sender: str = SENDER, **changes: Any) -> Make:
    """A letter with these recipients and fields, rightly signed."""
    return lambda stage: seal(document_message(letter(sender, *recipients, **changes)), stage.sender)


def signed(old: str, new: str) -> Make:
    """The letter changed before it was signed; ``old`` is a pattern."""

    def make(stage: Stage) -> bytes:
        message = stage.message()
        changed = re.sub(old.encode(), new.encode(), message, count=1, flags=re.DOTALL)
        assert changed != message
        return seal(changed, stage.sender)

    return make


def by(name: str) -> Make:
    """Signed with one of the flawed certificates, which is registered for the sender."""

    def make(stage: Stage) -> bytes:
        if name == Flaw.ODD_CURVE:
            return seal(stage.message(), stage.flawed[name])
        return sign(stage.message(), stage.flawed[name].signer)

    return make


def without(element: str) -> Make:
    return signed(rf"\s*<edXML:{element}>.*?</edXML:{element}>", "")


_FILE = OutgoingAttachment("van-ban.pdf", PDF, "application/pdf", content_id="a1")
_STATUS = StatusReport(Party(SENDER), About(RECIPIENT, "1"), "03", "Đã vào sổ")

CASES: dict[str, tuple[str, Make]] = {
    "a digit of the subject": ("signature-digest", tampered("liên thông", "liên thống")),
    "a recipient": ("signature-digest", tampered("<edXML:OrganId>H33.90<", f"<edXML:OrganId>{STRANGER}<")),
    "the sender": ("signature-digest", tampered("<edXML:OrganId>H33.02<", f"<edXML:OrganId>{STRANGER}<")),
    "the document id": ("signature-digest", flipped("<edXML:DocumentId>(.*?)<")),
    "the promulgation date": ("signature-digest", tampered("2026/11/20</edXML:Prom", "2026/11/21</edXML:Prom")),
    "the priority": ("signature-digest", tampered("<edXML:Priority>1<", "<edXML:Priority>4<")),
    "the kind of business": ("signature-digest", tampered("BussinessDocType>0<", "BussinessDocType>1<")),
    "the manifest": ("signature-digest", flipped("<edXML:Reference>.*?<edXML:AttachmentName>(.*?)<")),
    "the attachment's octets": ("signature-digest", flipped("ContentTransferEncoded [^>]*>(.*?)<")),
    "the attachment's name": ("signature-digest", flipped("<Attachment>.*?<AttachmentName>(.*?)<")),
    "white space between elements": ("signature-digest", tampered("\n        <edXML:To>", "\n         <edXML:To>")),
    "an attribute's value": ("signature-digest", tampered('version="1.0">\n', 'version="1.1">\n')),
    "a new attribute": ("signature-digest", tampered("<edXML:edXMLBody>", '<edXML:edXMLBody a="1">')),
    "a prefix": ("signature-digest", tampered("<AttachmentEncoded>", '<AttachmentEncoded xmlns:a="urn:a:b" a:c="1">')),
    "an element's name": ("signature-digest", tampered("(?s)<edXML:SteeringType>0</edXML:SteeringType>", "")),
    "the digest value": ("signature-invalid", flipped("<ds:DigestValue>(.*?)<")),
    "the digest method": ("signature-invalid", tampered("2001/04/xmlenc#sha256", "2001/04/xmlenc#sha512")),
    "the signature value": ("signature-invalid", flipped("<ds:SignatureValue>(.*?)<")),
    "the signature method": ("signature-algorithm", tampered("ecdsa-sha256", "ecdsa-sha384")),
    "the canonicalisation": ("signature-algorithm", tampered("xml-exc-c14n#", "xml-exc-c14n")),
    "the reference": ("signature-reference", tampered('URI=""', 'URI="#x"')),
    "a transform": ("signature-transform", tampered("enveloped-signature", "enveloped-signatures")),
    "the certificate's signature": ("certificate-untrusted", flipped("(.).{9}</ds:X509Certificate><ds:X509C")),
    "the certificate's middle": ("certificate-malformed", tampered("(?<=<ds:X509Certificate>MI)..", "AA")),
    "half of the envelope": ("xml-malformed", lambda stage: stage.honest()[:2000]),
    "an octet that is no UTF-8": ("xml-encoding", lambda stage: stage.honest().replace(b"UBND", b"UBN\xc4", 1)),
    # whose signature
    "another agency's certificate": ("certificate-other-agency", lambda stage: seal(stage.message(), stage.stranger)),
    "a certificate nobody registered": ("certificate-unregistered", by("unregistered")),
    "an expired certificate": ("certificate-expired", by(Flaw.EXPIRED)),
    "a certificate of tomorrow": ("certificate-not-yet-valid", by(Flaw.NOT_YET_VALID)),
    "another authority's certificate": ("certificate-untrusted", by(Flaw.OTHER_CA)),
    "a self-signed certificate": ("certificate-untrusted", by(Flaw.SELF_SIGNED)),
    "an authority's certificate": ("certificate-usage", by(Flaw.CA_LEAF)),
    "a certificate for encryption": ("certificate-usage", by(Flaw.WRONG_USAGE)),
    "a server's certificate": ("certificate-usage", by(Flaw.TLS_ONLY)),
    "a critical extension nobody knows": ("certificate-untrusted", by(Flaw.UNKNOWN_CRITICAL)),
    "a weak key": ("signature-key-weak", by(Flaw.WEAK_KEY)),
    "a curve that is not permitted": ("signature-key-weak", by(Flaw.ODD_CURVE)),
    "a revoked certificate": ("certificate-revoked", by("revoked")),
    "no signature": ("signature-absent", lambda stage: stage.message()),
    # to and from whom
    "an unknown recipient": ("recipient-unknown", written(RECIPIENT, "H33.99.99")),
    "a recipient in another spelling": ("recipient-unknown", written("h33.90")),
    "a suspended recipient": ("recipient-suspended", written(RECIPIENT, SUSPENDED)),
    "a recipient twice": ("recipient-repeated", written(RECIPIENT, RECIPIENT)),
    "no recipient": ("metadata-missing", written()),
    "a recipient without code": ("metadata-missing", written(RECIPIENT, "")),
    "a sender of another system": ("sender-not-served", written(RECIPIENT, sender=ELSEWHERE)),
    "an unknown sender": ("sender-unknown", written(RECIPIENT, sender="H33.99.98")),
    "no sender's code": ("metadata-missing", written(RECIPIENT, sender="")),
    "no sender": ("edxml-structure", without("From")),
    # what about
    **{
        f"no {element}": ("metadata-missing", without(element))
        for element in (
            "DocumentId",
            "Code",
            "CodeNumber",
            "CodeNotation",
            "PromulgationInfo",
            "PromulgationDate",
            "DocumentType",
            "Subject",
        )
    },
    "an empty subject": ("metadata-missing", signed("<edXML:Subject>.*?<", "<edXML:Subject> <")),
    "a date that is none": ("metadata-invalid", signed("2026/11/20</edXML:Prom", "2026/02/30</edXML:Prom")),
    "a date in another form": ("metadata-invalid", signed("2026/11/20</edXML:Prom", "20/11/2026</edXML:Prom")),
    "a due date that is none": ("metadata-invalid", signed("2026/12/01", "2026/13/01")),
    "a priority of five": ("metadata-invalid", written(RECIPIENT, priority=5)),
    "a kind of business unknown": ("metadata-invalid", signed("BussinessDocType>0<", "BussinessDocType>7<")),
    "a subject too long": ("metadata-too-long", written(RECIPIENT, subject="x" * 501)),
    "a number too long": ("metadata-too-long", written(RECIPIENT, number="1" * 12, document_id="x")),
    "a status message": ("message-type-mismatch", lambda stage: seal(status_message(_STATUS), stage.sender)),
    # attachments
    "no attachment": ("attachment-missing", written(RECIPIENT, attachments=())),
    "an attachment that is not there": ("attachment-missing", signed(r"<Attachment>.*</Attachment>", "")),
    "an attachment not listed": ("attachment-unlisted", signed("<edXML:Reference>.*</edXML:Reference>", "")),
    "an attachment twice": ("attachment-repeated", written(RECIPIENT, attachments=(_FILE, _FILE))),
    "an attachment without name": ("metadata-missing", signed("<ContentId>.*?</ContentId>", "")),
    "an attachment of no base64": ("attachment-encoding", signed("JVBER", "J*VBER")),
    "an attachment cut short": ("attachment-encoding", signed("JVBER", "VBER")),
    "an attachment with padding inside": ("attachment-encoding", signed("JVBERi", "JVBE==")),
    "an empty attachment": ("attachment-empty", signed(">JVBER[^<]*<", "><")),
    # the body
    "an empty body": ("request-empty", lambda _: b""),
    "a PDF": ("xml-encoding", lambda _: PDF),  # its second line is no text, so that nobody takes it for one
}


def check_refusal(stage: Stage, answer: Answer, code: str, body: bytes, since: str) -> None:
    """The problem document, the signed refusal and the log entry say the same of the same octets."""
    problem, digest = answer.body, hashlib.sha256(body).hexdigest()
    assert (problem["code"], answer.status) == (code, CATALOGUE[code].status), problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == answer.status
    assert problem["findings"][0]["code"] == code
    refusal = verify_receipt(problem["refusal"], stage.jwks)
    assert (refusal["event"], refusal["sha256"], refusal["code"]) == ("envelope.refused", digest, code)
    assert refusal["envelope_id"] is None

    def logged() -> list[dict[str, Any]]:
        return [entry for entry in stage.logged(code, since) if entry["detail"]["sha256"] == digest]

    # a feed shows nothing that an older transaction, still running, might come before
    entries = eventually(logged)
    assert len(entries) == 1, entries
    assert entries[0]["detail"]["findings"][0]["code"] == code


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_with_its_code_a_signed_refusal_and_a_log_entry(stage: Stage, case: str) -> None:
    code, make = CASES[case]
    body = make(stage)
    since = clock.rfc3339(clock.now())
    check_refusal(stage, stage.post(body), code, body, since)


def test_every_attack_of_the_corpus_is_refused_with_its_code_over_http(stage: Stage) -> None:
    since = clock.rfc3339(clock.now())
    sent: dict[str, str] = {}
    for attack in CORPUS:
        body = attack.forge(stage)
        if len(body) > LIMIT:
            continue  # its cost is measured where the body is not limited
        answer = stage.post(body)
        assert (answer.body["code"], answer.status) == (attack.code, CATALOGUE[attack.code].status), attack.name
        digest = hashlib.sha256(body).hexdigest()
        assert verify_receipt(answer.body["refusal"], stage.jwks)["sha256"] == digest, attack.name
        sent[digest] = attack.code
    assert len(sent) > 200
    logged = {
        entry["detail"]["sha256"]: entry["code"]
        for entry in stage.world.log_entries(kind="envelope.refused", since=since)
    }
    assert {digest: logged.get(digest) for digest in sent} == sent


def test_one_refusal_names_everything_that_can_be_seen_at_once(stage: Stage) -> None:
    body = written("H33.99.99", SUSPENDED, subject="", attachments=())(stage)
    codes = [finding["code"] for finding in stage.post(body).body["findings"]]
    assert codes == ["metadata-missing", "recipient-unknown", "recipient-suspended", "attachment-missing"]


def test_checking_gives_the_same_verdict_and_leaves_no_trace(stage: Stage) -> None:
    body = written("H33.99.97")(stage)
    since = clock.rfc3339(clock.now())
    answer = stage.post(body, path="/v1/envelopes:check")
    assert (answer.status, answer.body["verdict"]) == (200, "refused")
    assert [finding["code"] for finding in answer.body["findings"]] == ["recipient-unknown"]
    assert stage.logged("recipient-unknown", since) == []
    fresh = seal(stage.message(document_id="asked beforehand"), stage.sender)
    assert stage.post(fresh, path="/v1/envelopes:check").body["verdict"] == "accepted"
    again = stage.post(stage.honest(), path="/v1/envelopes:check").body  # other octets than the honest letter's
    assert [finding["code"] for finding in again["findings"]] == ["document-conflict"]


def in_pieces(size: int) -> Iterator[bytes]:
    for _ in range(0, size, 65536):
        yield b" " * 65536


# what is refused by its head, or while it is read, so that no octets can be signed for: code, headers, body
UNREAD: dict[str, tuple[str, dict[str, str], Callable[[], bytes | Iterator[bytes]]]] = {
    "too large, as declared": ("request-too-large", {}, lambda: b" " * (LIMIT + 1)),
    "too large, by lies": ("request-too-large", {"Content-Length": str(LIMIT * 1000)}, lambda: b""),
    "too large, in pieces": ("request-too-large", {"Transfer-Encoding": "chunked"}, lambda: in_pieces(LIMIT + 65536)),
    "another content type": ("media-type-unsupported", {"Content-Type": "application/json"}, lambda: b"{}"),
    "no content type": ("media-type-unsupported", {"Content-Type": ""}, lambda: b"<edXML/>"),
    "compressed": ("media-type-unsupported", {"Content-Encoding": "gzip"}, lambda: b"<edXML/>"),
}


@pytest.mark.parametrize("case", UNREAD)
def test_what_is_not_read_is_refused_with_its_code_and_a_log_entry(stage: Stage, case: str) -> None:
    code, headers, body = UNREAD[case]
    since = clock.rfc3339(clock.now())
    answer = stage.post(body(), headers)
    assert (answer.body["code"], answer.status) == (code, CATALOGUE[code].status), answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert [entry["code"] for entry in stage.logged(code, since)] == [code]


def test_a_body_at_the_limit_is_read(stage: Stage) -> None:
    assert stage.post(b" " * LIMIT).body["code"] == "xml-malformed"


HEADS: dict[str, tuple[str, dict[str, str], bytes]] = {
    "no token": ("authentication-required", {"Authorization": ""}, b"<edXML/>"),
    "another scheme": ("authentication-required", {"Authorization": "Basic eDp5"}, b"<edXML/>"),
    "a token nobody gave": ("token-invalid", {"Authorization": "Bearer x.y.z"}, b"<edXML/>"),
}


@pytest.mark.parametrize("case", HEADS)
def test_a_caller_who_is_nobody_gets_a_problem_and_no_receipt(stage: Stage, case: str) -> None:
    """There is nobody to sign a refusal for."""
    code, headers, body = HEADS[case]
    answer = stage.post(body, headers)
    assert (answer.body["code"], answer.status) == (code, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "refusal" not in answer.body


def test_a_receipt_is_no_token(stage: Stage) -> None:
    acknowledgement = stage.office.client.receipts(stage.honest_id)[0]["jws"]
    answer = stage.post(stage.honest(), {"Authorization": f"Bearer {acknowledgement}"})
    assert (answer.body["code"], answer.status) == ("token-invalid", 401)


def test_a_token_of_another_hub_is_no_token(stage: Stage) -> None:
    header, payload, signature = stage.office.client.access_token().split(".")
    forged = f"{header}.{payload}.{signature[:-4]}AAAA"
    answer = stage.post(stage.honest(), {"Authorization": f"Bearer {forged}"})
    assert (answer.body["code"], answer.status) == ("token-invalid", 401)


@pytest.mark.parametrize(
    ("client", "secret"), [("right", "wrong"), ("sys-0000", "right"), ("right", ""), ("", "right")], ids=str
)
def test_a_wrong_secret_gets_no_token(stage: Stage, client: str, secret: str) -> None:
    client_id = stage.office.client_id if client == "right" else client
    client_secret = stage.office.secret if secret == "right" else secret
    form = f"grant_type=client_credentials&client_id={client_id}&client_secret={client_secret}"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": ""}
    answer = stage.post(form.encode(), headers, "/oauth2/token")
    assert (answer.body["code"], answer.status) == ("client-invalid", 401)
    assert answer.body["error"] == "invalid_client"


def test_nothing_that_was_refused_is_in_any_inbox(stage: Stage) -> None:
    """Runs last: of all that was posted here, only the one honest letter arrived."""
    taken = eventually(lambda: stage.recipients[RECIPIENT].client.inbox(limit=100, wait=5))
    assert [delivery["envelope"] for delivery in taken] == [stage.honest_id]
    assert stage.recipients[RECIPIENT].client.inbox(limit=100, wait=1) == []
    assert stage.recipients[STRANGER].client.inbox(limit=100, wait=1) == []
    assert stage.world.offices[ELSEWHERE].client.inbox(limit=100, wait=1) == []
