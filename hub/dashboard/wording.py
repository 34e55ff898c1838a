"""The office's words: for states of deliveries, business statuses, urgency, kinds of message, roles.

A status is a shape, a word and a tone (a colour), in this order of importance; ``tag`` gives all three, and every page
shows them by the one macro.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.language import current, gettext, mark


@dataclass(frozen=True, slots=True)
class Tag:
    """``shape`` names an icon, ``word`` is in the reader's language, ``tone`` a colour token."""

    shape: str
    word: str
    tone: str


# state of a delivery: shape, word, tone
_STATES: dict[str, tuple[str, str, str]] = {
    "pending": ("half", mark("On its way"), "wait"),
    "published": ("half", mark("On its way"), "wait"),
    "ready": ("ring", mark("Waiting to be taken"), "wait"),
    "leased": ("half", mark("Being taken"), "wait"),
    "settled": ("dot", mark("Arrived"), "act"),
    "refused": ("cross", mark("Refused"), "bad"),
    "dead": ("box", mark("Undeliverable"), "bad"),
    "withdrawn": ("back", mark("Withdrawn"), "muted"),
}

# business status (QCVN 102:2016, StatusCode): shape, word, tone
_STATUSES: dict[str, tuple[str, str, str]] = {
    "01": ("dot", mark("Arrived"), "act"),
    "02": ("cross", mark("Returned"), "bad"),
    "03": ("check", mark("Accepted"), "ok"),
    "04": ("check", mark("Assigned"), "ok"),
    "05": ("check", mark("In process"), "ok"),
    "06": ("check", mark("Finished"), "ok"),
    "13": ("back", mark("Recall requested"), "warn"),
    "15": ("check", mark("Recall agreed"), "ok"),
    "16": ("cross", mark("Recall declined"), "warn"),
}

# how a list sums up letters with several recipients: fewer words, the same shapes
_COARSE: dict[str, tuple[str, str, str]] = {
    **dict.fromkeys(("pending", "published", "ready", "leased"), ("ring", mark("Not arrived yet"), "wait")),
    **dict.fromkeys(("settled", "01"), ("dot", mark("Arrived"), "act")),
    **dict.fromkeys(("03", "04", "05"), ("check", mark("Accepted"), "ok")),
    **dict.fromkeys(("refused", "02"), ("cross", mark("Refused"), "bad")),
}

# the order in which a list sums up: trouble first
_ORDER = ("cross", "box", "hourglass", "back", "ring", "half", "dot", "check")

PRIORITIES = (
    mark("Ordinary"),
    mark("Urgent"),
    mark("Very urgent"),
    mark("Express"),
    mark("Express, at a set hour"),
)

BUSINESS_TYPES = (mark("New document"), mark("Recall"), mark("Update"), mark("Replacement"))

ROLES: dict[str, str] = {
    "operator": mark("Operator"),
    "administrator": mark("Administrator"),
    "auditor": mark("Auditor"),
    "reporting": mark("Reporting officer"),
    "clerk": mark("Clerk"),
}

# check of the sequence: its title, and what it establishes
CHECKS: dict[str, tuple[str, str]] = {
    "form": (
        mark("Form"),
        mark("Well-formed XML in UTF-8 within the limits, with nothing hidden in it; an edXML document"),
    ),
    "signature": (
        mark("Signature"),
        mark("One signature over the whole letter, unchanged since; the certificate leads to a trusted authority"),
    ),
    "structure": (mark("Structure"), mark("The letter can be read, and only what is signed is read")),
    "sender": (mark("Sender"), mark("A registered agency, active, and served by the system that sends")),
    "certificate": (mark("Certificate"), mark("Registered for the sender and meant for signing documents")),
    "revocation": (mark("Revocation"), mark("No certificate of the signer's path was revoked, by a fresh answer")),
    "metadata": (mark("Metadata"), mark("Required elements, lengths, dates and numbers are as the regulations ask")),
    "secrecy": (mark("Secrecy"), mark("Nothing marks a state secret; those must not travel here")),
    "freshness": (mark("Freshness"), mark("The sender's own time stamp is of these days")),
    "recipients": (mark("Recipients"), mark("All registered and active, each named once")),
    "reference": (
        mark("Earlier document"),
        mark("A recall, update or replacement is about a document that its sender sent"),
    ),
    "attachments": (mark("Attachments"), mark("As the manifest lists them, each whole and as signed")),
    "names": (mark("File names"), mark("No name leads out of a folder, hides its kind or starts a program")),
    "wrapping": (mark("Wrapping"), mark("What the sender's program put into a ZIP of one file is found inside it")),
    "kinds": (mark("Kinds of files"), mark("Name, declared type and content agree; nothing is a program")),
    "archives": (mark("Archives"), mark("No bomb, no path that leads out, no program inside; whole and not locked")),
    "documents": (mark("PDF documents"), mark("Whole, with no octet lost or changed on the way")),
    "pages": (mark("Number of pages"), mark("The documents can be read; pages and appendices are as many as declared")),
    "pdf-signing": (
        mark("Signatures inside PDFs"),
        mark("Those that are there hold, and are there where a policy asks"),
    ),
    "malware": (mark("Malware"), mark("No attachment carries malware, as far as the scanner looks")),
}


def check_title(name: str) -> str:
    """The title of a check; one that has none here shows its name."""
    return gettext(CHECKS[name][0]) if name in CHECKS else name


def check_text(name: str) -> str:
    return gettext(CHECKS[name][1]) if name in CHECKS else ""


def tag(code: str) -> Tag:
    """The tag of a delivery's state or of a two-digit business status; an unknown status shows its number."""
    shape, word, tone = _STATES.get(code) or _STATUSES.get(code) or ("dot", mark("Status %(code)s"), "muted")
    return Tag(shape, gettext(word) % {"code": code} if "%(" in word else gettext(word), tone)


def summary(states: dict[str, int]) -> list[tuple[Tag, int]]:
    """Tags with their counts, like ones added up, trouble first. One delivery alone keeps its exact word."""
    counts: dict[Tag, int] = {}
    alone = sum(states.values()) == 1
    for code, number in states.items():
        coarse = None if alone else _COARSE.get(code)
        found = Tag(coarse[0], gettext(coarse[1]), coarse[2]) if coarse else tag(code)
        counts[found] = counts.get(found, 0) + number
    return sorted(counts.items(), key=lambda item: (_ORDER.index(item[0].shape), -item[1]))


def priority(number: int) -> str:
    return gettext(PRIORITIES[number] if 0 <= number < len(PRIORITIES) else PRIORITIES[0])


def business_type(number: int) -> str:
    return gettext(BUSINESS_TYPES[number] if 0 <= number < len(BUSINESS_TYPES) else BUSINESS_TYPES[0])


def role(name: str) -> str:
    return gettext(ROLES.get(name, name))


_SIGN_IN = {
    "password": mark("Password"),
    "link": mark("One-time link"),
    "openid": mark("Identity provider"),
    "totp": mark("code"),
    "recovery": mark("recovery code"),
}


def sign_in(how: str) -> str:
    """How somebody signed in: ``password+totp`` in words."""
    return " + ".join(gettext(_SIGN_IN[one]) if one in _SIGN_IN else one for one in how.split("+"))


def size(octets: int | None) -> str:
    """A size as people read it: ``812 B``, ``5 KB``, ``1,2 MB`` (decimal comma in Vietnamese)."""
    if octets is None:
        return ""
    if octets < 1000:
        return f"{octets} B"
    if octets < 1_000_000:
        return f"{octets / 1000:.0f} KB"
    return gettext("%(number)s MB") % {"number": decimal(octets / 1_000_000)}


def decimal(number: float) -> str:
    text = f"{number:.1f}"
    return text.replace(".", ",") if current.get() == "vi" else text


def number(count: int) -> str:
    """``1 284``: digits grouped with a thin space, the same in both languages."""
    return f"{count:,}".replace(",", "\u2009")
