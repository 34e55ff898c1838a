"""The lists of a pack's members: SHA256SUMS, the manifests of ETSI EN 319 162-1 (ASiC-E with CAdES, annex A.4).

Each is written in one way only, line by line, so that a reader makes it again from what it found and compares.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from hub.evidence.container import MEDIA_TYPE, MIMETYPE, Member
from hub.evidence.names import SIGNATURE

_SUM = re.compile(r"([0-9a-f]{64})  (\S+)\n")
_OBJECT = re.compile(
    r'<asic:DataObjectReference URI="([^"&<>]+)"><ds:DigestMethod Algorithm="http://www\.w3\.org/2001/04/xmlenc#sha256"/>'
    r"<ds:DigestValue>([A-Za-z0-9+/]{43}=)</ds:DigestValue></asic:DataObjectReference>\n"
)
_TYPES = {
    "xml": "application/xml", "json": "application/json", "html": "text/html", "txt": "text/plain",
    "pem": "application/x-pem-file", "cer": "application/pkix-cert", "crl": "application/pkix-crl",
    "ors": "application/ocsp-response", "jws": "application/jose", "tsr": "application/timestamp-reply",
}  # fmt: skip
_OBJECT_FORM = (
    '<asic:DataObjectReference URI="{name}"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
    "<ds:DigestValue>{digest}</ds:DigestValue></asic:DataObjectReference>\n"
)
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<asic:ASiCManifest xmlns:asic="http://uri.etsi.org/02918/v1.2.1#" '
    'xmlns:ds="http://www.w3.org/2000/09/xmldsig#">\n'
    f'<asic:SigReference URI="{SIGNATURE}" MimeType="application/pkcs7-signature"/>\n'
)
_FOOT = "</asic:ASiCManifest>\n"

Digests = Sequence[tuple[str, str]]  # name, SHA-256 in hexadecimal


def digests(members: Sequence[Member]) -> list[tuple[str, str]]:
    return [(one.name, one.sha256) for one in members]


def sums(listed: Digests) -> bytes:
    """As ``sha256sum`` writes and checks it."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in listed).encode()


def sums_of(octets: bytes) -> list[tuple[str, str]] | None:
    """What the list says; None when it is not of the one form."""
    found = [(name, sha256) for sha256, name in _SUM.findall(octets.decode("ascii", "replace"))]
    return found if sums(found) == octets else None


def manifest(names: Sequence[str]) -> bytes:
    """The members and their kinds (OpenDocument 1.2 part 3, as ASiC takes it)."""
    lines = [
        f'<manifest:file-entry manifest:full-path="{name}" manifest:media-type="{_type(name)}"/>\n' for name in names
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" '
        'manifest:version="1.2">\n'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{MEDIA_TYPE}"/>\n{"".join(lines)}'
        "</manifest:manifest>\n"
    ).encode()


def _type(name: str) -> str:
    if name == MIMETYPE or ("/" not in name and "." not in name):
        return "text/plain"
    return _TYPES.get(name.rpartition(".")[2], "application/octet-stream")


def asic_manifest(listed: Digests) -> bytes:
    """What the container's signature covers: every member but itself and the signature, by digest."""
    lines = [
        _OBJECT_FORM.format(name=name, digest=base64.b64encode(bytes.fromhex(sha256)).decode())
        for name, sha256 in listed
    ]
    return (_HEAD + "".join(lines) + _FOOT).encode()


def asic_manifest_of(octets: bytes) -> list[tuple[str, str]] | None:
    """Names and digests in the manifest; None when it is not of the one form."""
    found = [
        (name, base64.b64decode(digest).hex()) for name, digest in _OBJECT.findall(octets.decode("ascii", "replace"))
    ]
    return found if asic_manifest(found) == octets else None
