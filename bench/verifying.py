"""The hub's side of ``bench.verification``: hardened parse, profile, chain, revocation, over and over on one letter.

    python -m bench.verifying LETTER ANCHOR LISTS kept|anew

``kept``: as acceptance does it, where a path and the standing of its certificates are remembered under exact keys.
``anew``: the trust store is another one for every letter, so that each path is built and each list consulted again.
Speaks as ``bench/peers/their_verifying.py`` does.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub import clock
from hub.envelope.hardening import parse
from hub.signatures.chain import RevocationList, TrustStore
from hub.signatures.revocation.judging import Revocation
from hub.signatures.verify import verify

END = b"-----END X509 CRL-----\n"


async def _verify(body: bytes, times: int, trust: TrustStore, revocation: Revocation, *, anew: bool) -> TrustStore:
    for _ in range(times):
        if anew:
            trust = replace(trust, revision=trust.revision + 1)
        at = clock.now()
        signed = verify(parse(body), trust, at)
        standings = await revocation.standings(signed.path, trust, at)
        if not standings or any(one.status != "good" for one in standings):
            raise AssertionError(f"not good: {standings}")
    return trust


def main() -> None:
    letter, anchor, lists, memory = sys.argv[1:]
    body = Path(letter).read_bytes()
    parts = Path(lists).read_bytes().split(END)[:-1]
    loaded = [x509.load_pem_x509_crl(part + END).public_bytes(Encoding.DER) for part in parts]
    anchors = tuple(x509.load_pem_x509_certificates(Path(anchor).read_bytes()))
    trust = TrustStore(anchors, 1, tuple(RevocationList.load(der) for der in loaded))
    revocation = Revocation()
    sys.stdout.write(f"this hub, lxml {version('lxml')}, cryptography {version('cryptography')}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        began = time.process_time_ns()
        trust = asyncio.run(_verify(body, int(line), trust, revocation, anew=memory == "anew"))
        sys.stdout.write(f"{time.process_time_ns() - began}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
