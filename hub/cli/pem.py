"""PEM files with several revocation lists; ``cryptography`` reads several certificates but one list only."""

from __future__ import annotations

import re

from cryptography import x509

_LIST = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)


def revocation_lists(content: bytes) -> list[x509.CertificateRevocationList]:
    """Every list in the file, in order; a file without markers is one DER list. Raises ``ValueError``."""
    found = [x509.load_pem_x509_crl(block) for block in _LIST.findall(content)]
    return found or [x509.load_der_x509_crl(content)]
