"""Names of files: those that are dangerous to keep under, and those that start a program when opened."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, NamedTuple

Trait = Literal["damaged", "encrypted", "bomb", "path", "executable", "macros", "opaque", "name", "awkward"]


class Trouble(NamedTuple):
    """Something seen in an attachment, of a kind that validation has a code or a rule for."""

    trait: Trait
    detail: str


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# opened by a double click on some desktop, run as a program
EXECUTABLE_EXTENSIONS = words(
    """
    ade adp apk app appimage application appref-ms appx bas bat chm class cmd com command cpl crx deb dex dll dmg drv
    elf exe gadget hta inf ins isp jar jnlp js jse ksh lib lnk mde mht mhtml msc msi msix msp mst ocx out paf pif pkg
    pl ps1 ps1xml ps2 psc1 psd1 psm1 py pyc pyw rb reg rpm run scf scpt scr sct settingcontent-ms sh shb shs so sys
    terminal url vb vbe vbs vxd website workflow ws wsc wsf wsh xbap xll
    """
)
# what a second extension is hidden behind
_DOCUMENT_EXTENSIONS = words(
    "pdf doc docx xls xlsx ppt pptx odt ods odp rtf txt csv jpg jpeg png gif tif tiff zip rar 7z xml html htm"
)
# Windows' names of devices, with any extension
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|[A-Za-z]:$|\\\\|//")
# they make a name read otherwise than it is spelt (Unicode UAX 9)
_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_AWKWARD = frozenset('<>"|?*:/\\')
LONGEST_OCTETS = 255


def extension(name: str) -> str:
    """The last extension in lower case, as Windows would take it: dots and spaces at the end do not count."""
    base = re.split(r"[\\/]", name)[-1].split("::$")[0].rstrip(". \u00a0\u3000")
    stem, dot, last = base.rpartition(".")
    return last.strip().lower() if dot and (stem or last) else ""


def unsafe(name: str) -> str:
    """Why keeping a file under this name would write elsewhere or read otherwise; empty when it would not.

    For the name of an attachment and for a path inside an archive alike; ``/`` alone is fine.
    """
    plain = unicodedata.normalize("NFKC", name)
    if any(unicodedata.category(letter) == "Cc" for letter in name):
        return "a control character"
    if _DIRECTION.intersection(name):
        return "a character that changes the direction of reading"
    if plain.startswith(("/", "\\")) or _DRIVE.match(plain):
        return "an absolute path"
    steps = re.split(r"[\\/]", plain)
    if ".." in (step.strip() for step in steps):
        return "a step out of the folder (..)"
    if any(_DEVICE.fullmatch(step.partition(".")[0].strip()) for step in steps):
        return "the name of a device"
    return ""


def hidden_extension(name: str) -> bool:
    """``letter.pdf.exe``: a program that reads as a document where the last extension is not shown."""
    last = extension(name)
    before = re.split(r"[\\/]", name)[-1].rstrip(". ").lower().removesuffix(last).rstrip(". ")
    return last in EXECUTABLE_EXTENSIONS and extension(before) in _DOCUMENT_EXTENSIONS


def awkward(name: str) -> str:
    """Why some system will have to rename the file; empty when none will."""
    if len(name.encode()) > LONGEST_OCTETS:
        return f"longer than {LONGEST_OCTETS} octets"
    if found := sorted(_AWKWARD.intersection(name)):
        return f"contains {' '.join(found)}"
    if name != name.rstrip(". "):
        return "ends with a dot or a space"
    return ""


def troubles(name: str) -> list[Trouble]:
    """What is wrong with the name of an attachment."""
    if reason := unsafe(name):
        return [Trouble("name", reason)]
    if hidden_extension(name):
        return [Trouble("name", f"a program's extension behind a document's: .{extension(name)}")]
    if extension(name) in EXECUTABLE_EXTENSIONS:
        return [Trouble("executable", f"the extension of a program: .{extension(name)}")]
    if reason := awkward(name):
        return [Trouble("awkward", reason)]
    return []
