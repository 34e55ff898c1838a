"""Attachments that are not what they seem, rightly signed by a registered agency: each with its nearest honest one."""

from __future__ import annotations

import zipfile
from collections.abc import Callable

from hub.envelope.writing import OutgoingAttachment
from tests.hostile.forgery import Attack, Maker, Workshop, seal
from tests.inspection import samples

MIB = 1 << 20
OCTETS = "application/octet-stream"


Content = bytes | Callable[[], bytes]  # made when it is needed, where making it takes long


def letter_with(name: str, content: Content, media_type: str = OCTETS) -> Maker:
    def forge(bench: Workshop) -> bytes:
        octets = content if isinstance(content, bytes) else content()
        file = OutgoingAttachment(name, octets, media_type, content_id="a1")
        return seal(bench.message(attachments=(file,)), bench.sender)

    return forge


def called(what: str, name: str, honest: str, code: str = "attachment-name") -> Attack:
    """The same file under another name."""
    pdf = samples.pdf()
    return Attack(what, code, letter_with(name, pdf), letter_with(honest, pdf))


def filled(what: str, code: str, name: str, content: Content, honest: Content) -> Attack:
    """Another content under the same name."""
    return Attack(what, code, letter_with(name, content), letter_with(name, honest))


def packed(what: str, code: str, content: Content, honest: Content | None = None) -> Attack:
    return filled(what, code, "hồ sơ.zip", content, honest or samples.archive(("a.txt", b"a"), ("b/c.txt", b"c")))


NAMES = [
    called("a name that leads out", "../../etc/cron.d/x.pdf", "etc cron.pdf"),
    called("a name that leads out, in Windows' way", "..\\..\\Startup\\x.pdf", "Startup x.pdf"),
    called("a name that leads out in wide letters", "．．／x.pdf", "．．x.pdf"),
    called("an absolute name", "/etc/x.pdf", "etc.x.pdf"),
    called("a name on a drive", "C:\\x.pdf", "C - x.pdf"),
    called("a name on another machine", "\\\\server\\share\\x.pdf", "server x.pdf"),
    called("a name that reads backwards", "hoa-don\u202efdp.exe", "hoa-don.pdf"),
    called("a name with an isolated direction", "a\u2067b.pdf", "ab.pdf"),
    called("the name of a device", "con.pdf", "con dấu.pdf"),
    called("the name of a port", "LPT1", "LPT1 in.pdf"),
    called("a program behind a document's extension", "công văn.pdf.exe", "công văn.exe.pdf"),
    called("a program far behind a document's extension", f"công văn.pdf{' ' * 80}.scr", "công văn.pdf"),
    called("a program whose name ends with dots", "a.exe..", "a.exe..pdf", "attachment-executable"),
    called("a program's extension", "cập nhật.vbs", "cập nhật vbs.pdf", "attachment-executable"),
    called("a stream of a file", "a.exe::$DATA", "a.exe DATA.pdf", "attachment-executable"),
]

PROGRAMS = [
    filled("a Windows program called a PDF", "attachment-executable", "a.pdf", samples.EXE, samples.pdf()),
    filled("a Windows program called data", "attachment-executable", "a.bin", samples.EXE, samples.EXE[2:]),
    filled("an ELF program without a name's help", "attachment-executable", "a", samples.ELF, samples.ELF[1:]),
    filled("a script called text", "attachment-executable", "a.txt", b"#!/bin/sh\nrm -r /\n", b"# !/bin/sh\n"),
    filled(
        "a shortcut", "attachment-executable", "a.bin", b"L\0\0\0\x01\x14\x02\0" + bytes(80), b"L\0\0\0" + bytes(80)
    ),
    filled(
        "an installer called a Word file",
        "attachment-executable",
        "a.doc",
        samples.compound(identity=bytes.fromhex("84100c0000000000c000000000000046")),
        samples.compound("WordDocument"),
    ),
    filled(
        "a Java program called a ZIP",
        "attachment-executable",
        "a.zip",
        samples.archive(("META-INF/MANIFEST.MF", b"x"), ("A.class", b"x")),
        samples.archive(("META-INF/MANIFEST.MF", b"x"), ("A.txt", b"x")),
    ),
    packed("a program in an archive, by name", "attachment-executable", samples.archive(("thư/cài đặt.exe", b"x"))),
    packed("a program in an archive, by its octets", "attachment-executable", samples.archive(("a.pdf", samples.EXE))),
    packed(
        "a program in an archive in an archive",
        "attachment-executable",
        samples.archive(("a.zip", samples.archive(("b.js", b"x")))),
        samples.archive(("a.zip", samples.archive(("b.json", b"x")))),
    ),
    filled(
        "a program in the wrapping",
        "attachment-executable",
        "a.pdf",
        samples.wrapped(samples.EXE, "pdf"),
        samples.wrapped(samples.pdf(), "pdf"),
    ),
]

KINDS = [
    filled("a PDF called a picture", "attachment-kind-mismatch", "a.jpg", samples.pdf(), samples.JPG),
    filled("a ZIP called a PDF", "attachment-kind-mismatch", "a.pdf", samples.archive(("a", b"")), samples.pdf()),
    filled("a web page called a PDF", "attachment-kind-mismatch", "a.pdf", b"<html>503</html>", samples.pdf()),
    filled("text called a Word file", "attachment-kind-mismatch", "a.docx", b"Kinh gui", samples.docx()),
    filled("an archive called a Word file", "attachment-kind-mismatch", "a.docx", samples.odt(), samples.docx()),
    filled("noise called a picture", "attachment-kind-mismatch", "a.png", bytes(range(200)), samples.PNG),
    filled("a Word file called text", "attachment-kind-mismatch", "a.txt", samples.docx(), b"Kinh gui"),
    filled(
        "another kind in the wrapping",
        "attachment-kind-mismatch",
        "a.pdf",
        samples.wrapped(samples.JPG, "pdf"),
        samples.wrapped(samples.pdf(), "pdf"),
    ),
]

DAMAGE = [
    filled(
        "a PDF through UTF-8",
        "attachment-damaged",
        "a.pdf",
        samples.through_utf8(samples.binary_pdf()),
        samples.binary_pdf(),
    ),
    filled(
        "a PDF through Latin-1",
        "attachment-damaged",
        "a.pdf",
        samples.through_latin1(samples.binary_pdf()),
        samples.binary_pdf(),
    ),
    *(
        filled(f"a PDF {how}", "attachment-damaged", "a.pdf", spoil(samples.binary_pdf()), samples.binary_pdf())
        for how, spoil in (
            ("whose binary octets were dropped", samples.without_binary),
            ("whose binary octets are question marks", samples.masked),
            ("through a code page", samples.through_code_page),
        )
    ),
    filled("a picture through UTF-8", "attachment-damaged", "a.jpg", samples.through_utf8(samples.JPG), samples.JPG),
    filled("a PDF cut off", "attachment-damaged", "a.pdf", samples.pdf(9)[:-900], samples.pdf(9)),
    filled(
        "a PDF without a head", "attachment-damaged", "a.pdf", bytes(2000) + samples.pdf(), bytes(9) + samples.pdf()
    ),
    filled(
        "a damaged PDF in the wrapping",
        "attachment-damaged",
        "a.pdf",
        samples.wrapped(samples.pdf()[:300], "pdf"),
        samples.wrapped(samples.pdf(), "pdf"),
    ),
    packed("an archive cut off", "attachment-damaged", samples.archive(("a.txt", bytes(900)))[:-9]),
    packed("an archive with something behind it", "attachment-damaged", samples.archive(("a.txt", b"a")) + b"<html>"),
    packed(
        "an archive with a changed octet",
        "attachment-damaged",
        samples.archive(("a.txt", b"mot tram dong"), stored=True).replace(b"tram", b"trem"),
        samples.archive(("a.txt", b"mot tram dong"), stored=True),
    ),
    packed(
        "an archive whose directory names another file",
        "attachment-damaged",
        samples.archive(("a.txt", b"x")).replace(b"a.txt", b"b.txt", 1),
    ),
    packed("an archive with a false start", "attachment-damaged", b"PK\3\4" + samples.archive(("a.txt", b"x"))),
    filled("a Word file cut off", "attachment-damaged", "a.docx", samples.docx(("x", bytes(900)))[:-9], samples.docx()),
]

LOCKED = [
    packed("an encrypted archive", "attachment-encrypted", samples.locked_archive("a.txt")),
    filled("an encrypted RAR", "attachment-encrypted", "a.rar", samples.LOCKED_RAR, samples.RAR),
    filled(
        "a PDF with a password",
        "attachment-encrypted",
        "a.pdf",
        samples.locked_pdf("mật khẩu"),
        samples.locked_pdf(""),
    ),
    filled(
        "a Word file with a password",
        "attachment-encrypted",
        "a.docx",
        samples.compound("EncryptionInfo", "EncryptedPackage"),
        samples.docx(),
    ),
]

LOCKED += [
    filled(
        "a Word file of 2003 with a password",
        "attachment-encrypted",
        "a.doc",
        samples.word(locked=True),
        samples.word(locked=False),
    ),
    filled(
        "an Excel file of 2003 with a password",
        "attachment-encrypted",
        "a.xls",
        samples.excel(locked=True),
        samples.excel(locked=False),
    ),
]

BOMBS = [
    packed(
        "a bomb by its ratio",
        "attachment-bomb",
        lambda: samples.archive(("a.txt", bytes(64 * MIB))),
        lambda: samples.archive(("a.txt", bytes(16 * MIB))),
    ),
    packed(
        "a bomb of many files",
        "attachment-bomb",
        lambda: samples.archive(*((f"{n}.txt", bytes(MIB)) for n in range(64))),
    ),
    packed("a bomb of one file seen many times", "attachment-bomb", lambda: samples.overlapping_archive(9_000)),
    packed("a bomb that hides its size", "attachment-bomb", lambda: samples.lying_archive("a.txt", MIB, 100)),
    packed(
        "archives in each other without end",
        "attachment-bomb",
        samples.nested_archive(12),
        samples.nested_archive(3),
    ),
    packed(
        "a bomb in an archive",
        "attachment-bomb",
        lambda: samples.archive(("a.zip", samples.archive(("b.txt", bytes(64 * MIB))))),
    ),
    packed(
        "a directory of fifty thousand files",
        "attachment-bomb",
        lambda: samples.archive(*((f"{n}", b"") for n in range(50_000))),
    ),
    filled(
        "a bomb in the wrapping",
        "attachment-bomb",
        "a.txt",
        lambda: samples.wrapped(bytes(64 * MIB), "txt"),
        samples.wrapped(b"a" * MIB, "txt"),
    ),
    filled(
        "a bomb in a Word file",
        "attachment-bomb",
        "a.docx",
        lambda: samples.docx(("word/media/a.bmp", bytes(64 * MIB))),
        samples.docx(("word/media/a.bmp", bytes(MIB))),
    ),
]

PATHS = [
    packed("an archive that leads out", "attachment-archive-path", samples.archive(("../../a.txt", b"x"))),
    packed(
        "an archive that leads out in Windows' way", "attachment-archive-path", samples.archive(("..\\a.txt", b"x"))
    ),
    packed("an archive with an absolute name", "attachment-archive-path", samples.archive(("/etc/passwd", b"x"))),
    packed("an archive with a drive", "attachment-archive-path", samples.archive(("D:/a.txt", b"x"))),
    packed("an archive with a link", "attachment-archive-path", samples.link("a.txt", b"/etc/passwd")),
    packed(
        "an archive with one name twice",
        "attachment-archive-path",
        samples.archive(("a.txt", b"x"), ("a.txt", b"y")),
        samples.archive(("a.txt", b"x"), ("A.txt", b"y")),
    ),
    packed(
        "an archive with one name twice, spelt otherwise",
        "attachment-archive-path",
        samples.archive(("b/a.txt", b"x"), ("b\\a.txt", b"y")),
    ),
    packed("an archive with a control character", "attachment-archive-path", samples.archive(("a\x1b[2J.txt", b"x"))),
    packed(
        "an archive with a second name in a field",
        "attachment-archive-path",
        samples.archive((samples.second_name("a.txt", "../b.txt"), b"x")),
    ),
    packed("a device in an archive", "attachment-archive-path", samples.archive((zipfile.ZipInfo("aux.txt"), b"x"))),
]

ATTACKS: list[Attack] = [*NAMES, *PROGRAMS, *KINDS, *DAMAGE, *LOCKED, *BOMBS, *PATHS]
