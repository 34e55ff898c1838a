"""Where a certificate says that its standing can be learnt (RFC 5280 §4.2.1.13, §4.2.2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

# what a certificate may make the hub ask
MAX_ADDRESSES = 3
MAX_LENGTH = 2048


@dataclass(frozen=True, slots=True)
class Source:
    kind: Literal["crl", "ocsp"]
    url: str


def sources(certificate: x509.Certificate) -> tuple[Source, ...]:
    """Lists first: one list answers for all certificates of an authority, can be had before it is needed, and tells

    nobody who is writing. Plain HTTP only: what is fetched is signed, and TLS would need certificates checked first.
    """
    lists = [Source("crl", url) for url in _list_addresses(certificate)]
    responders = [Source("ocsp", url) for url in _responder_addresses(certificate)]
    return (*lists[:MAX_ADDRESSES], *responders[:MAX_ADDRESSES])


def _list_addresses(certificate: x509.Certificate) -> list[str]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return []
    # a point with another issuer or for some reasons only is not a complete list of this issuer
    names = [name for one in points if one.crl_issuer is None and one.reasons is None for name in one.full_name or ()]
    return _usable(names)


def _responder_addresses(certificate: x509.Certificate) -> list[str]:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return []
    return _usable([one.access_location for one in access if one.access_method == AuthorityInformationAccessOID.OCSP])


def _usable(names: list[x509.GeneralName]) -> list[str]:
    urls = [one.value for one in names if isinstance(one, x509.UniformResourceIdentifier)]
    return list(dict.fromkeys(url for url in urls if _is_plain_http(url)))


def _is_plain_http(url: str) -> bool:
    if len(url) > MAX_LENGTH or not url.isascii() or any(sign <= " " for sign in url):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme == "http" and bool(parts.hostname) and parts.username is None and port != 0
