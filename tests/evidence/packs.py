"""Packs made wrong on purpose, and the keys that a reader has from elsewhere."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from hub import clock
from hub.evidence.container import Draft, Member, members_of, stream
from hub.evidence.names import ASIC_MANIFEST, MANIFEST, SEAL_CERTIFICATE, SIGNATURE, SUMS
from hub.evidence.packing import sealed
from hub.evidence.seal import Seal

LISTS = (MANIFEST, SUMS, ASIC_MANIFEST, SIGNATURE)


def member(name: str, octets: bytes) -> Member:
    return Member(
        name, len(octets), hashlib.sha256(octets).hexdigest(), zlib.crc32(octets), partial(io.BytesIO, octets)
    )


def written(file: Path, members: Iterable[Member]) -> Path:
    """A container of these members, well-formed as one, whatever the lists in it say."""
    file.write_bytes(b"".join(stream(members)))
    return file


def changed(pack: Path, changes: Mapping[str, bytes | None]) -> list[Member]:
    """The members of a pack with other octets for some; None leaves one out."""
    found = {one.name: one for one in members_of(pack)}
    for name, octets in changes.items():
        if octets is None:
            del found[name]
        else:
            found[name] = member(name, octets)
    return list(found.values())


def sealed_anew(file: Path, pack: Path, seal: Seal, changes: Mapping[str, bytes | None]) -> Path:
    """What somebody with a seal of his own would hand out: the lists are right, and so is the signature."""
    draft = Draft()
    replaced = {SEAL_CERTIFICATE: seal.certificate_pem, **changes}
    for one in changed(pack, replaced):
        if one.name not in LISTS:
            draft.add(one.name, one.read())
    return written(file, sealed(draft, seal, clock.now()))


def flipped(octets: bytes, place: int) -> bytes:
    changed_octets = bytearray(octets)
    changed_octets[place] ^= 0x01
    return bytes(changed_octets)
