"""Permitted algorithms, by their identifiers (RFC 9231; XML Signature 1.1 §6). Everything else is refused by name."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from hub.problems import Refused

EXCLUSIVE_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"

# identifier → the name that hashlib knows
DIGESTS = {
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}


@dataclass(frozen=True, slots=True)
class Method:
    """A signature method: its name for people, its hash, and the kind of key it goes with."""

    name: str
    hash: hashes.HashAlgorithm
    curve: str | None = None  # None: RSA
    pss: bool = False


_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_2007 = "http://www.w3.org/2007/05/xmldsig-more#"
METHODS = {
    f"{_MORE}rsa-sha256": Method("RSA-SHA256", hashes.SHA256()),
    f"{_MORE}rsa-sha384": Method("RSA-SHA384", hashes.SHA384()),
    f"{_MORE}rsa-sha512": Method("RSA-SHA512", hashes.SHA512()),
    f"{_2007}sha256-rsa-MGF1": Method("RSASSA-PSS-SHA256", hashes.SHA256(), pss=True),
    f"{_2007}sha384-rsa-MGF1": Method("RSASSA-PSS-SHA384", hashes.SHA384(), pss=True),
    f"{_2007}sha512-rsa-MGF1": Method("RSASSA-PSS-SHA512", hashes.SHA512(), pss=True),
    f"{_MORE}ecdsa-sha256": Method("ECDSA-P256-SHA256", hashes.SHA256(), "secp256r1"),
    f"{_MORE}ecdsa-sha384": Method("ECDSA-P384-SHA384", hashes.SHA384(), "secp384r1"),
    f"{_MORE}ecdsa-sha512": Method("ECDSA-P521-SHA512", hashes.SHA512(), "secp521r1"),
}

RSA_MINIMUM_BITS = 2048
RSA_MAXIMUM_BITS = 8192


def check_key(key: object, method: Method | None = None) -> int:
    """Key type, strength and, when given, its match with the method; returns the octets of a SignatureValue.

    Raises ``Refused``: ``signature-key-weak`` or ``signature-algorithm``.
    """
    if isinstance(key, rsa.RSAPublicKey):
        if not RSA_MINIMUM_BITS <= key.key_size <= RSA_MAXIMUM_BITS or key.public_numbers().e < 65537:
            raise Refused("signature-key-weak", f"RSA, {key.key_size} bits")
        if method is not None and method.curve is not None:
            raise Refused("signature-algorithm", f"{method.name} with an RSA key")
        return (key.key_size + 7) // 8
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in ("secp256r1", "secp384r1", "secp521r1"):
            raise Refused("signature-key-weak", f"curve {key.curve.name}")
        if method is not None and method.curve != key.curve.name:
            raise Refused("signature-algorithm", f"{method.name} with a key on {key.curve.name}")
        return 2 * ((key.key_size + 7) // 8)
    raise Refused("signature-key-weak", type(key).__name__.strip("_"))


def holds(key: object, method: Method, value: bytes, octets: bytes) -> bool:
    """Whether ``value`` was made over ``octets`` by this method with the key, which ``check_key`` let pass with it.

    PSS as RFC 9231 §2.3.10 has it: MGF1 with the same hash, salt as long as the hash. ECDSA's value is r and s side by
    side (XML Signature 1.1 §6.4.3).
    """
    try:
        if isinstance(key, rsa.RSAPublicKey):
            pss = padding.PSS(padding.MGF1(method.hash), method.hash.digest_size)
            key.verify(value, octets, pss if method.pss else padding.PKCS1v15(), method.hash)
        else:
            assert isinstance(key, ec.EllipticCurvePublicKey), "check_key lets RSA and EC keys pass"
            half = len(value) // 2
            r, s = int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")
            key.verify(encode_dss_signature(r, s), octets, ec.ECDSA(method.hash))
    except InvalidSignature:
        return False
    return True
