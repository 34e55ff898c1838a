"""Tokens made by hand, so that an authority can be wrong in ways in which OpenSSL never is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from hub import clock
from tests.services.tsa import POLICY, Certificate


@dataclass
class Forgery:
    """An answer to a question, right unless something is changed. ``reference``: whom the signed attribute names."""

    own: Certificate
    imprint: bytes | None = None
    digest: str = "sha256"
    nonce: int | None = None
    at: datetime | None = None
    status: str = "granted"
    certificates: tuple[Certificate, ...] | None = None
    reference: Certificate | None = None
    referring: bool = True
    signed_with: str = "sha256"

    def answer(self, question: bytes) -> bytes:
        """A TimeStampResp, DER."""
        asked = tsp.TimeStampReq.load(question)
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": POLICY,
                "message_imprint": {
                    "hash_algorithm": {"algorithm": self.digest},
                    "hashed_message": self.imprint or asked["message_imprint"]["hashed_message"].native,
                },
                "serial_number": 1,
                "gen_time": (self.at or clock.now()).replace(microsecond=0),
                "nonce": asked["nonce"].native if self.nonce is None else self.nonce,
            }
        )
        token = cms.ContentInfo({"content_type": "signed_data", "content": self._signed(info)})
        response = tsp.TimeStampResp({"status": {"status": self.status}, "time_stamp_token": token})
        return bytes(response.dump(force=True))

    def _signed(self, info: tsp.TSTInfo) -> cms.SignedData:
        octets = info.dump()
        attributes = self._attributes(octets)
        signature = self.own.key.sign(
            attributes.untag().dump(),
            ec.ECDSA(hashes.SHA1() if self.signed_with == "sha1" else hashes.SHA256()),
        )
        certificate = _asn1(self.own)
        digest = algos.DigestAlgorithm({"algorithm": self.signed_with})
        signer = {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                {
                    "issuer_and_serial_number": cms.IssuerAndSerialNumber(
                        {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
                    )
                }
            ),
            "digest_algorithm": digest,
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": f"{self.signed_with}_ecdsa"},
            "signature": signature,
        }
        signed: dict[str, Any] = {
            "version": "v3",
            "digest_algorithms": [digest],
            "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(octets)},
            "signer_infos": [signer],
        }
        given = (self.own,) if self.certificates is None else self.certificates
        if given:
            signed["certificates"] = [_asn1(one) for one in given]
        return cms.SignedData(signed)

    def _attributes(self, octets: bytes) -> cms.CMSAttributes:
        named = (self.reference or self.own).certificate.public_bytes(Encoding.DER)
        reference = tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(named).digest()}]})
        digest = hashlib.new(self.signed_with, octets).digest()
        rows = [("content_type", ["tst_info"]), ("message_digest", [digest])]
        if self.referring:
            rows.append(("signing_certificate_v2", [reference]))
        attributes = [cms.CMSAttribute({"type": kind, "values": values}) for kind, values in rows]
        return cms.CMSAttributes(sorted(attributes, key=lambda one: one.dump()))


def _asn1(one: Certificate) -> asn1.Certificate:
    return asn1.Certificate.load(one.certificate.public_bytes(Encoding.DER))
