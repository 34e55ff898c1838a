"""Rehearsals of a next key: the text that is signed, the signature over it, and whether it fits the certificate.

The signature is over the text's octets: RSASSA-PKCS1-v1_5 or RSASSA-PSS with SHA-256 (RFC 8017), ECDSA with SHA-256 in
DER (RFC 3279) — what ``openssl dgst -sha256 -sign`` makes with the key that signs letters.
"""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from hub.clock import rfc3339
from hub.problems import Refused
from hub.signatures.algorithms import check_key
from hub.signatures.chain import fingerprint
from hub.signatures.sign import PrivateKey

# the first line: no letter, receipt or token begins so, and nothing else is signed that does
TITLE = "lienthong rehearsal 1"
LONGEST_SIGNATURE = 2048


def challenge(hub: str, identifier: str, agency: str, sha256: str, nonce: str, until: datetime) -> str:
    """The text to sign, UTF-8, each line ended by one LF."""
    rows = {"hub": hub, "rehearsal": identifier, "agency": agency, "certificate": sha256, "nonce": nonce}
    lines = [TITLE, *(f"{name}: {value}" for name, value in rows.items()), f"until: {rfc3339(until)}"]
    return "".join(f"{line}\n" for line in lines)


def fields(text: str) -> dict[str, str]:
    """What a challenge names. Raises ``Refused('rehearsal-invalid')`` for any other text: only these are signed."""
    lines = text.split("\n")
    if lines[0] != TITLE or lines[-1] or "\r" in text:
        raise Refused("rehearsal-invalid", f"the first line is not '{TITLE}', or lines do not end in one LF")
    found = dict(line.partition(": ")[::2] for line in lines[1:-1])
    if set(found) != {"hub", "rehearsal", "agency", "certificate", "nonce", "until"}:
        raise Refused("rehearsal-invalid", "lines are missing or too many")
    return found


def sign(text: str, key: PrivateKey, certificate: x509.Certificate) -> bytes:
    """The signature over a challenge for this certificate. Raises ``Refused('rehearsal-invalid')``."""
    if fields(text)["certificate"] != fingerprint(certificate):
        raise Refused("rehearsal-invalid", "the challenge is for another certificate", "certificate")
    if certificate.public_key() != key.public_key():
        raise Refused("rehearsal-invalid", "the certificate is not this key's", "key")
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))


def why_not(certificate: x509.Certificate, text: str, signature: bytes) -> str:
    """Empty when the signature over ``text`` was made with the certificate's key; else what is wrong with it."""
    if not signature or len(signature) > LONGEST_SIGNATURE:
        return f"a signature has 1 to {LONGEST_SIGNATURE} octets, this one has {len(signature)}"
    key = certificate.public_key()
    try:
        expected = check_key(key)
    except Refused as refusal:
        return refusal.detail
    if isinstance(key, rsa.RSAPublicKey):
        if len(signature) != expected:
            return f"the key makes {expected} octets, the signature has {len(signature)}"
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
        held = any(_holds_rsa(key, text, signature, one) for one in (padding.PKCS1v15(), pss))
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey), "check_key lets RSA and EC keys pass"
        held = _holds_ec(key, text, signature)
    return "" if held else "not made over this text with the key of the certificate"


def _holds_rsa(key: rsa.RSAPublicKey, text: str, signature: bytes, scheme: padding.PKCS1v15 | padding.PSS) -> bool:
    try:
        key.verify(signature, text.encode(), scheme, hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _holds_ec(key: ec.EllipticCurvePublicKey, text: str, signature: bytes) -> bool:
    try:
        key.verify(signature, text.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


__all__ = ["LONGEST_SIGNATURE", "TITLE", "challenge", "fields", "fingerprint", "sign", "why_not"]
