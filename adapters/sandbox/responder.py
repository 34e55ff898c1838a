"""OCSP answers (RFC 6960) of a throw-away authority: its own, or those of a responder that it certified.

The counterpart of ``hub.signatures.revocation.ocsp``. Answers can be made old, early or endless on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from adapters.sandbox.pki import Authority, new_key
from hub import clock
from hub.signatures.sign import PrivateKey

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Responder:
    """Answers for ``authority``, signed with ``key``, whose certificate is sent along unless it is the authority's."""

    authority: Authority
    key: PrivateKey
    certificate: x509.Certificate

    @classmethod
    def own(cls, authority: Authority) -> Responder:
        """The authority itself."""
        return cls(authority, authority.key, authority.certificate)

    @classmethod
    def delegated(
        cls,
        authority: Authority,
        *,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.OCSP_SIGNING,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Responder:
        """A responder that the authority certified; with the right ``purpose`` and dates unless others are given."""
        key, now = new_key("p256"), clock.now()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "OCSP")]))
            .issuer_name(authority.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since or now - _DAY)
            .not_valid_after(until or now + 30 * _DAY)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.OCSPNoCheck(), critical=False)
        )
        return cls(authority, key, builder.sign(authority.key, hashes.SHA256()))

    def answer(
        self,
        certificate: x509.Certificate,
        *,
        nonce: bytes | None = None,
        issued: datetime | None = None,
        lives: timedelta | None = _DAY,
        status: ocsp.OCSPCertStatus | None = None,
        algorithm: hashes.HashAlgorithm | None = None,
        by_name: bool = False,
    ) -> bytes:
        """A DER answer about ``certificate``: revoked if the authority says so, else good; or the ``status`` given.

        ``lives``: how far nextUpdate is from ``issued`` (five minutes ago), None leaves it out. ``by_name``: how the
        responder names itself, else by its key.
        """
        issued = issued or clock.now() - timedelta(minutes=5)
        since = self.authority.revoked.get(certificate.serial_number)
        if status is None:
            status = ocsp.OCSPCertStatus.GOOD if since is None else ocsp.OCSPCertStatus.REVOKED
        revoked = status is ocsp.OCSPCertStatus.REVOKED
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=certificate,
                issuer=self.authority.certificate,
                algorithm=hashes.SHA1(),  # noqa: S303 - names a certificate, protects nothing
                cert_status=status,
                this_update=issued,
                next_update=None if lives is None else issued + lives,
                revocation_time=(since or issued) if revoked else None,
                revocation_reason=self.authority.reasons.get(certificate.serial_number) if revoked else None,
            )
            .responder_id(
                ocsp.OCSPResponderEncoding.NAME if by_name else ocsp.OCSPResponderEncoding.HASH, self.certificate
            )
        )
        if self.certificate != self.authority.certificate:
            builder = builder.certificates([self.certificate])
        if nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        return builder.sign(self.key, algorithm or hashes.SHA256()).public_bytes(Encoding.DER)

    def respond(self, request: bytes, known: dict[int, x509.Certificate]) -> bytes:
        """The answer to a DER request about one of the ``known`` certificates, with the request's nonce."""
        asked = ocsp.load_der_ocsp_request(request)
        certificate = known.get(asked.serial_number)
        if certificate is None:
            refusal = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
            return refusal.public_bytes(Encoding.DER)
        sent = [one.value.nonce for one in asked.extensions if isinstance(one.value, x509.OCSPNonce)]
        return self.answer(certificate, nonce=sent[0] if sent else None)
