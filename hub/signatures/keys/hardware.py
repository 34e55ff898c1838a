"""Keys in hardware: a PKCS#11 module signs, and gives nothing out."""

from __future__ import annotations

import functools
import hashlib
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import PKCS11Error

from hub import clock
from hub.problems import Deferred
from hub.signatures.keys.modules import HardwareError, Login, loaded, words
from hub.signatures.keys.port import PublicKey
from hub.signatures.keys.uri import Pkcs11Uri

RETRY_SECONDS = 5
P256 = bytes.fromhex("06082a8648ce3d030107")
# 1.3.101.112 (RFC 8410), and the name that PKCS#11 3.0 §2.3.10 has for it
ED25519 = (bytes.fromhex("06032b6570"), b"\x13\x0cedwards25519")
_KINDS = {ObjectClass.PRIVATE_KEY: "private key", ObjectClass.PUBLIC_KEY: "public key"}


class HardwareKey:
    """``PrivateKey`` in a token."""

    def __init__(self, uri: Pkcs11Uri) -> None:
        """Raises ``HardwareError``. Whether both halves of the key belong together is tried here, once."""
        self._uri = uri
        self._module = loaded(uri.module)
        self._login = Login(self._module, uri)
        self._held: tuple[int, Any] = (-1, None)  # the key in a session, and the module's generation
        self._failed: tuple[float, str] | None = None  # until when nothing is tried, and why
        try:
            self._public = self._module.run(self._found_public)
            probe = b"lienthong"
            _verify(self._public, self._module.run(lambda: self._sign(probe)), probe)
        except InvalidSignature as error:
            raise HardwareError(f"{uri.key}: what the token signs does not verify with its public key") from error
        except PKCS11Error as error:
            raise HardwareError(f"{uri.where}: {words(error)}") from error

    def public_key(self) -> PublicKey:
        return self._public

    def sign(self, data: bytes, /) -> bytes:
        """See the port. Where a token was away, its module is started anew, at most every ``RETRY_SECONDS``."""
        try:
            return self._module.run(lambda: self._signed(data))
        except HardwareError as error:
            raise self._away(words(error)) from error

    def _signed(self, data: bytes) -> bytes:
        if self._failed is not None and clock.monotonic() < self._failed[0]:
            raise HardwareError(self._failed[1])
        try:
            return self._sign(data)
        except (PKCS11Error, HardwareError):
            return self._signed_anew(data)

    def _signed_anew(self, data: bytes) -> bytes:
        try:
            self._module.renew()
            signature = self._sign(data)
        except (PKCS11Error, HardwareError) as error:
            self._failed = (clock.monotonic() + RETRY_SECONDS, words(error))
            raise HardwareError(words(error)) from error
        self._failed = None
        return signature

    def _away(self, reason: str) -> Deferred:
        return Deferred("key-unavailable", f"{self._uri.where}: {reason}", retry_after=RETRY_SECONDS)

    def _sign(self, data: bytes) -> bytes:
        if self._held[0] != self._module.generation:
            private = _only(self._login.session(), self._uri, ObjectClass.PRIVATE_KEY)
            self._held = (self._module.generation, private)
        if isinstance(self._public, Ed25519PublicKey):
            return bytes(self._held[1].sign(data, mechanism=Mechanism.EDDSA))
        return bytes(self._held[1].sign(hashlib.sha256(data).digest(), mechanism=Mechanism.ECDSA))

    def _found_public(self) -> PublicKey:
        session = self._login.session()
        kind = _only(session, self._uri, ObjectClass.PRIVATE_KEY).key_type
        public = _only(session, self._uri, ObjectClass.PUBLIC_KEY)
        parameters, point = bytes(public[Attribute.EC_PARAMS]), bytes(public[Attribute.EC_POINT])
        session.close()
        if kind == KeyType.EC_EDWARDS and parameters in ED25519:
            return Ed25519PublicKey.from_public_bytes(point[-32:])  # raw, or in a DER OCTET STRING
        if kind == KeyType.EC and parameters == P256:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point[-65:])
        raise HardwareError(f"{self._uri.key}: the key is neither Ed25519 nor P-256")


@functools.cache
def opened(uri: Pkcs11Uri) -> HardwareKey:
    """The key of the token, one for the process. Raises ``HardwareError``."""
    return HardwareKey(uri)


def opened_or_generated(uri: Pkcs11Uri, algorithm: str | None = None) -> HardwareKey:
    """The key of the token; where it has none, one is made there that never leaves it. Raises ``HardwareError``.

    ``algorithm``: EdDSA, ES256, or None for the first of both that the module can do.
    """
    module = loaded(uri.module)
    try:
        module.run(lambda: _generate(uri, algorithm))
    except PKCS11Error as error:
        raise HardwareError(f"{uri.where}: {words(error)}") from error
    return opened(uri)


def _generate(uri: Pkcs11Uri, algorithm: str | None) -> None:
    session = Login(loaded(uri.module), uri).session(writing=True)
    try:
        if _objects(session, uri, ObjectClass.PRIVATE_KEY):
            return
        mechanisms = session.token.slot.get_mechanisms()
        if algorithm is None:
            algorithm = "EdDSA" if Mechanism.EC_EDWARDS_KEY_PAIR_GEN in mechanisms else "ES256"
        forms = [(KeyType.EC, Mechanism.EC_KEY_PAIR_GEN, P256)]
        if algorithm == "EdDSA":
            forms = [(KeyType.EC_EDWARDS, Mechanism.EC_EDWARDS_KEY_PAIR_GEN, one) for one in ED25519]
        _generate_pair(session, uri, forms)
    finally:
        session.close()


def _generate_pair(session: Any, uri: Pkcs11Uri, forms: list[tuple[KeyType, Mechanism, bytes]]) -> None:
    """In the first form that the module takes: modules differ in how they name a curve."""
    refused: PKCS11Error | None = None
    for kind, mechanism, parameters in forms:
        domain = session.create_domain_parameters(kind, {Attribute.EC_PARAMS: parameters}, local=True)
        names = {"label": uri.object, "id": uri.id}
        try:
            domain.generate_keypair(mechanism=mechanism, store=True, **names)
        except PKCS11Error as error:
            refused = error
        else:
            return
    raise HardwareError(f"{uri.where}: the module makes no such key: {words(refused) if refused else ''}")


def _objects(session: Any, uri: Pkcs11Uri, kind: ObjectClass) -> list[Any]:
    template: dict[Attribute, Any] = {Attribute.CLASS: kind}
    if uri.object is not None:
        template[Attribute.LABEL] = uri.object
    if uri.id is not None:
        template[Attribute.ID] = uri.id
    return list(session.get_objects(template))


def _only(session: Any, uri: Pkcs11Uri, kind: ObjectClass) -> Any:
    found = _objects(session, uri, kind)
    if len(found) != 1:
        raise HardwareError(f"{len(found) or 'no'} {_KINDS[kind]} {uri.key!r} in the token ({uri.where})")
    return found[0]


def _verify(public: PublicKey, signature: bytes, data: bytes) -> None:
    if isinstance(public, Ed25519PublicKey):
        public.verify(signature, data)
        return
    first, second = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    public.verify(encode_dss_signature(first, second), data, ec.ECDSA(hashes.SHA256()))
