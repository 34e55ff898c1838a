"""Letters rightly signed with a certificate that should not be: each flaw, though registered for the sender."""

from __future__ import annotations

from adapters.sandbox.pki import Flaw, Pki
from tests.hostile.algorithms import RSA_SHA256
from tests.hostile.forgery import REVOKED, SENDER, UNREGISTERED, Attack, Form, Maker, Workshop, seal

CODES = {
    Flaw.EXPIRED: "certificate-expired",
    Flaw.NOT_YET_VALID: "certificate-not-yet-valid",
    Flaw.OTHER_CA: "certificate-untrusted",
    Flaw.SELF_SIGNED: "certificate-untrusted",
    Flaw.WRONG_USAGE: "certificate-usage",
    Flaw.TLS_ONLY: "certificate-usage",
    Flaw.CA_LEAF: "certificate-usage",
    Flaw.WEAK_KEY: "signature-key-weak",
    Flaw.ODD_CURVE: "signature-key-weak",
    Flaw.UNKNOWN_CRITICAL: "certificate-untrusted",
    REVOKED: "certificate-revoked",
    UNREGISTERED: "certificate-unregistered",
}
# what the refusal must say besides the code
NAMES = {
    Flaw.EXPIRED: "Chứng thư expired: dates: valid until",
    Flaw.NOT_YET_VALID: "Chứng thư not-yet-valid: dates: valid from",
    Flaw.OTHER_CA: "Chứng thư other-ca",
    Flaw.SELF_SIGNED: "Chứng thư self-signed",
    Flaw.WRONG_USAGE: "digitalSignature",
    Flaw.TLS_ONLY: "extended key usage",
    Flaw.CA_LEAF: "authority",
    Flaw.WEAK_KEY: "RSA, 1024 bits",
    Flaw.ODD_CURVE: "secp256k1",
    Flaw.UNKNOWN_CRITICAL: "Chứng thư unknown-critical",
    REVOKED: "Chứng thư revoked, 20",
    UNREGISTERED: "Chứng thư unregistered",
}


def by(name: str) -> Maker:
    form = Form(method=RSA_SHA256) if name == Flaw.WEAK_KEY else Form()
    return lambda bench: seal(bench.message(), bench.flawed[name], form)


def by_rsa(bench: Workshop) -> bytes:
    """Honest: a key of 2,048 bits."""
    return seal(bench.message(), bench.rsa, Form(method=RSA_SHA256))


def of_an_own_authority(bench: Workshop) -> bytes:
    """Root, issuer and leaf under the very names of the real ones."""
    root = bench.pki.root.certificate.subject.rfc4514_string()
    own = Pki.create(root.partition("CN=")[2].partition(" – ")[0])
    return seal(bench.message(), own.issue(SENDER, f"Cơ quan {SENDER}"))


ATTACKS = [
    *(
        Attack(
            f"a certificate: {name}",
            code,
            by(name),
            by_rsa if name == Flaw.WEAK_KEY else Workshop.honest,
            names=NAMES[name],
        )
        for name, code in CODES.items()
    ),
    Attack("an authority of one's own", "certificate-untrusted", of_an_own_authority),
]
