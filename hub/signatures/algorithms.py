"""Permitted algorithms, by their identifiers (RFC 9231; XML Signature 1.1 §6). Everything else is refused by name."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from signxml.algorithms import DigestAlgorithm, SignatureMethod

from hub.problems import Refused

EXCLUSIVE_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"

DIGESTS = {
    "http://www.w3.org/2001/04/xmlenc#sha256": DigestAlgorithm.SHA256,
    "http://www.w3.org/2001/04/xmldsig-more#sha384": DigestAlgorithm.SHA384,
    "http://www.w3.org/2001/04/xmlenc#sha512": DigestAlgorithm.SHA512,
}


@dataclass(frozen=True, slots=True)
class Method:
    """A signature method: its name for people and the kind of key it goes with."""

    name: str
    method: SignatureMethod
    curve: str | None = None  # None: RSA


_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_2007 = "http://www.w3.org/2007/05/xmldsig-more#"
METHODS = {
    f"{_MORE}rsa-sha256": Method("RSA-SHA256", SignatureMethod.RSA_SHA256),
    f"{_MORE}rsa-sha384": Method("RSA-SHA384", SignatureMethod.RSA_SHA384),
    f"{_MORE}rsa-sha512": Method("RSA-SHA512", SignatureMethod.RSA_SHA512),
    f"{_2007}sha256-rsa-MGF1": Method("RSASSA-PSS-SHA256", SignatureMethod.SHA256_RSA_MGF1),
    f"{_2007}sha384-rsa-MGF1": Method("RSASSA-PSS-SHA384", SignatureMethod.SHA384_RSA_MGF1),
    f"{_2007}sha512-rsa-MGF1": Method("RSASSA-PSS-SHA512", SignatureMethod.SHA512_RSA_MGF1),
    f"{_MORE}ecdsa-sha256": Method("ECDSA-P256-SHA256", SignatureMethod.ECDSA_SHA256, "secp256r1"),
    f"{_MORE}ecdsa-sha384": Method("ECDSA-P384-SHA384", SignatureMethod.ECDSA_SHA384, "secp384r1"),
    f"{_MORE}ecdsa-sha512": Method("ECDSA-P521-SHA512", SignatureMethod.ECDSA_SHA512, "secp521r1"),
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
