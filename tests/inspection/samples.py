"""Files made by code: PDFs (signed and spoilt), archives (honest and hostile), compound files, programs."""

from __future__ import annotations

import functools
import io
import re
import struct
import uuid
import warnings
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

from asn1crypto import keys, x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko_certvalidator.registry import SimpleCertificateStore
from pypdf import PdfReader, PdfWriter

from adapters.sandbox.documents import simple_pdf
from adapters.sandbox.pki import Identity

WRAPPED = str(uuid.UUID(int=0x1234567812345678123456781234ABCD))
JPG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(256))
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(64)
EXE = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0" + bytes(44) + struct.pack("<L", 128) + bytes(64) + b"PE\0\0"
ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
RAR = b"Rar!\x1a\x07\x01\0" + bytes(4) + b"\x0a\x01\x05" + bytes(40)
LOCKED_RAR = b"Rar!\x1a\x07\x01\0" + bytes(4) + b"\x21\x04" + bytes(40)
SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c\0\x04" + bytes(60)


@functools.cache
def pdf(pages: int = 1, title: str = "Công văn") -> bytes:
    return simple_pdf(title, [[f"Trang {number}"] for number in range(1, pages + 1)])


@functools.cache
def binary_pdf() -> bytes:
    """One page and a compressed stream, as office programs write: most octets are no text."""
    content = zlib.compress(bytes(range(256)) * 40 + b"".join(number.to_bytes(2, "big") for number in range(3000)))
    stream = (
        b"9 0 obj\n<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(content) + content + b"\nendstream\nendobj\n"
    )
    return pdf().replace(b"\nxref\n", b"\n" + stream + b"xref\n").replace(b"startxref\n", b"startxref\n", 1)


def through_utf8(octets: bytes) -> bytes:
    """What a gateway makes of octets that it takes for UTF-8 text."""
    return octets.decode("utf-8", "replace").encode()


def through_latin1(octets: bytes) -> bytes:
    return octets.decode("latin-1").encode()


def without_binary(octets: bytes) -> bytes:
    """What a gateway makes of octets when it drops those that are no UTF-8."""
    return octets.decode("utf-8", "ignore").encode()


def masked(octets: bytes) -> bytes:
    """What a gateway makes of octets that it takes for ASCII: a question mark for every other one."""
    return octets.decode("ascii", "replace").replace("\ufffd", "?").encode()


def through_code_page(octets: bytes) -> bytes:
    """Read by Windows' Vietnamese code page, written as UTF-8."""
    return octets.decode("cp1258", "ignore").encode()


def locked_pdf(password: str, owner: str = "chủ") -> bytes:
    """Encrypted with AES-256; an empty ``password`` opens for everybody and only forbids changes."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf())))
    writer.encrypt(password, owner, algorithm="AES-256")
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def signed_pdf(document: bytes, identity: Identity, field: str = "Signature1") -> bytes:
    """PAdES baseline B: the certificates inside, no time stamp."""
    chain = [x509.Certificate.load(one.public_bytes(Encoding.DER)) for one in identity.chain]
    key = keys.PrivateKeyInfo.load(identity.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    signer = signers.SimpleSigner(chain[0], key, SimpleCertificateStore.from_certs(chain))
    what = signers.PdfSignatureMetadata(field, md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES)
    writer = IncrementalPdfFileWriter(io.BytesIO(document))
    with ThreadPoolExecutor(1) as thread:  # it starts an event loop, and the caller may be in one
        output: io.BytesIO = thread.submit(signers.sign_pdf, writer, what, signer=signer).result()
    return output.getvalue()


def other_range(signed: bytes, numbers: bytes) -> bytes:
    """The ``/ByteRange`` of a signed PDF replaced, in the same number of octets."""
    found = re.search(rb"/ByteRange \[([^\]]*)\]", signed)
    assert found is not None
    start, end = found.span(1)
    return signed[:start] + numbers.ljust(end - start) + signed[end:]


def looping_pdf() -> bytes:
    """A page tree whose node is its own child, a hundred times over."""
    kids = b"2 0 R " * 100
    return pdf().replace(b"/Kids [4 0 R]", b"/Kids [" + kids + b"]")


def rebuilt_pdf(octets: int) -> bytes:
    """No cross-reference where the end says: a reader that mends it looks at every octet."""
    filling = b"1 0 obj\n<< /A [" + b"(x) " * 200 + b"] >>\nendobj\n"
    body = filling * (octets // len(filling))
    return b"%PDF-1.4\n" + body + b"trailer\n<< /Root 1 0 R >>\nstartxref\n5\n%%EOF\n"


def flate_bomb_pdf(octets: int) -> bytes:
    """A cross-reference stream (ISO 32000-1 §7.5.8) that inflates to ``octets``."""
    content = zlib.compress(bytes(octets), 9)
    head = b"%PDF-1.5\n"
    table = b"<< /Type /XRef /Size 3 /W [1 4 2] /Root 1 0 R /Length %d /Filter /FlateDecode >>" % len(content)
    stream = b"2 0 obj\n" + table + b"\nstream\n" + content + b"\nendstream\nendobj\n"
    return head + stream + b"startxref\n%d\n%%%%EOF\n" % len(head)


def archive(*entries: tuple[str | zipfile.ZipInfo, bytes], stored: bool = False) -> bytes:
    """A ZIP of these entries; a name twice is written twice."""
    output = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(output, "w", 0 if stored else 8, compresslevel=9) as writer:
        warnings.simplefilter("ignore", UserWarning)
        for name, content in entries:
            writer.writestr(name, content)
    return output.getvalue()


def wrapped(content: bytes, ending: str) -> bytes:
    """As real senders' software wraps a file (edXML 1.2)."""
    return archive((f"{WRAPPED}.{ending}", content))


def docx(*more: tuple[str, bytes]) -> bytes:
    types = b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    return archive(("[Content_Types].xml", types), ("word/document.xml", b"<w:document/>"), *more)


def odt() -> bytes:
    kind = zipfile.ZipInfo("mimetype")  # stored, first
    return archive((kind, b"application/vnd.oasis.opendocument.text"), ("content.xml", b"<office/>"))


def link(name: str, target: bytes) -> bytes:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return archive((info, target))


def locked_archive(name: str) -> bytes:
    """The flag of an encrypted entry set, in both headers."""
    made = bytearray(archive((name, b"x" * 40), stored=True))
    made[6] |= 1
    made[made.index(b"PK\1\2") + 8] |= 1
    return bytes(made)


def lying_archive(name: str, octets: int, declared: int) -> bytes:
    """One entry that inflates to more than either header says."""
    made = archive((name, bytes(octets)))
    return made.replace(struct.pack("<L", octets), struct.pack("<L", declared))


def overlapping_archive(entries: int) -> bytes:
    """Every entry of the directory points to the one compressed file."""
    made = archive((f"{0:08}", bytes(1 << 20)))
    directory = made.index(b"PK\1\2")
    row = made[directory : made.index(b"PK\5\6")]
    rows = b"".join(row.replace(b"00000000", b"%08d" % number) for number in range(entries))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, entries, entries, len(rows), directory, 0)
    return made[:directory] + rows + end


def nested_archive(depth: int, content: bytes = b"x") -> bytes:
    made = content
    for level in range(depth):
        made = archive((f"{level}.zip" if level else "a.txt", made))
    return made


def compound(*streams: str, identity: bytes = bytes(16), content: bytes = b"") -> bytes:
    """A compound file (MS-CFB) with empty streams of these names; the first one holds ``content``, padded to 4096."""
    names = ["Root Entry", *streams]
    names += [""] * (-len(names) % 4)
    directory = b"".join(_directory_entry(name, 5 if not number else 2, identity) for number, name in enumerate(names))
    count = len(directory) // 512
    if content:  # behind the directory, 8 sectors
        directory = directory[: 128 + 116] + struct.pack("<2L", count + 1, 4096) + directory[128 + 124 :]
    table = [0xFFFFFFFD, *(number + 2 for number in range(count - 1)), 0xFFFFFFFE]
    table += [0xFFFFFFFF] * (128 - len(table))
    head = (
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<5H6x5L", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096)
    )
    head += struct.pack("<4L", 0xFFFFFFFE, 0, 0xFFFFFFFE, 0) + struct.pack("<109L", 0, *[0xFFFFFFFF] * 108)
    assert len(head) == 512
    return head + struct.pack("<128L", *table) + directory + (content.ljust(4096, b"\0") if content else b"")


def word(*, locked: bool) -> bytes:
    """The start of a Word file of 1997 to 2003 (MS-DOC §2.5.2)."""
    return compound(
        "WordDocument", "1Table", content=b"\xec\xa5\xc1\0" + bytes(6) + (b"\0\x03" if locked else b"\0\x02")
    )


def excel(*, locked: bool) -> bytes:
    """The start of an Excel file of 1997 to 2003: BOF, then FilePass or a code page (MS-XLS §2.4)."""
    start = b"\x09\x08\x10\0" + bytes(16)
    return compound("Workbook", content=start + (b"\x2f\0\x36\0" + bytes(54) if locked else b"\x42\0\x02\0\xb0\x04"))


def _directory_entry(name: str, kind: int, identity: bytes) -> bytes:
    if not name:
        return bytes(128)
    octets = (name + "\0").encode("utf-16-le")
    entry = octets.ljust(64, b"\0") + struct.pack("<HBB3L", len(octets), kind, 1, *[0xFFFFFFFF] * 3)
    return (entry + (identity if kind == 5 else bytes(16))).ljust(128, b"\0")


def second_name(name: str, other: str) -> zipfile.ZipInfo:
    """An entry with a Unicode path extra field (APPNOTE §4.6.9) that says another name."""
    info = zipfile.ZipInfo(name)
    field = struct.pack("<BL", 1, zlib.crc32(name.encode())) + other.encode()
    info.extra = struct.pack("<2H", 0x7075, len(field)) + field
    return info


def unreadable_pdf() -> bytes:
    """Whole by its head and end, but its catalogue is not where everything says."""
    return pdf().replace(b"/Type /Catalog /Pages 2 0 R", b"/Type /Catalog /Pages 9 0 R")


def nested_pdf() -> bytes:
    """Arrays in arrays, deeper than any parser that calls itself can follow."""
    return pdf().replace(b"/Kids [4 0 R]", b"/Kids " + b"[" * 100_000 + b"]" * 100_000)
