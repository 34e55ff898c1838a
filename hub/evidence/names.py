"""What the members of a pack are called. Pure: the verifier shares it."""

from __future__ import annotations

FORM = "lienthong-evidence/1"
DOCUMENT = "envelope.xml"
DECISION = "decision.json"
GUIDE, SUMMARY = "README.txt", "summary.html"
CHAIN = "signer/chain.pem"
JWKS, LOG_KEYS, WITNESS_KEYS = "keys/hub.jwks.json", "keys/log.vkey", "keys/witnesses.vkey"
SEAL_CERTIFICATE, TSA_ANCHORS = "keys/evidence-seal.pem", "timestamps/anchors.pem"
CHECKPOINT, COSIGNED, PENDING = "log/checkpoint.txt", "log/cosigned.txt", "timestamps/PENDING.txt"
SUMS = "SHA256SUMS"
MANIFEST = "META-INF/manifest.xml"
ASIC_MANIFEST = "META-INF/ASiCManifest.xml"
SIGNATURE = "META-INF/signature.p7s"


def key_member(kid: str) -> str:
    """The PEM file of a receipt key."""
    return f"keys/hub-{''.join(one if one.isalnum() else '.' for one in kid)}.pem"
