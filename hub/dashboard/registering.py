"""The registry in the reader's words: how an agency and a system stand, and what each channel needs to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub import clock
from hub.dashboard import moments
from hub.dashboard.wording import Tag
from hub.delivery.connectivity import Connectivity
from hub.delivery.retry import BREAKER_FAILURES
from hub.delivery.trials import Trials
from hub.language import gettext, mark
from hub.ledger.agency_tree import Branch
from hub.ledger.system_state import Standing
from hub.proposals import Proposals
from hub.proposals.routes import kinds_for
from hub.registry.folder import Root
from hub.registry.reach import Reach

CHANNELS: dict[str, tuple[str, str]] = {
    "pull": (mark("Pull"), mark("the system comes for its documents itself, over HTTPS")),
    "push": (mark("Push"), mark("the hub brings every document to an HTTPS address of the system, signed")),
    "amqp": (mark("AMQP"), mark("the system takes claim checks from its own queue on RabbitMQ")),
    "mail": (mark("Mail"), mark("for an office without a system: a notice or the document to its official mailbox")),
    "folder": (mark("Folder"), mark("the hub puts every document into a folder that the system reads")),
}


@dataclass(frozen=True, slots=True)
class Registering:
    """What the registry's pages work with. ``channels``: those that this hub offers; ``reach`` and ``folders``: where
    it may push, and below which root systems have folders."""

    trials: Trials
    connectivity: Connectivity
    channels: tuple[str, ...]
    reach: Reach
    folders: Root | None

    @property
    def proposals(self) -> Proposals:
        """Changes that take two people, with what this hub allows."""
        return Proposals(kinds_for(self.reach, self.folders))


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a channel needs to be told. ``url``: it is the system's address, else an option of this name.

    ``choices`` are the values as the channel names them; empty: any text.
    """

    name: str
    label: str
    hint: str
    needed: bool = False
    choices: tuple[str, ...] = ()


FIELDS: dict[str, tuple[Field, ...]] = {
    "pull": (),
    "amqp": (),
    "push": (
        Field("url", mark("Address"), mark("https://, where the system takes what the hub posts"), needed=True),
        Field(
            "body",
            mark("What is posted"),
            mark("the document, or a notice of where it lies"),
            choices=("", "document", "notice"),
        ),
        Field(
            "signature",
            mark("Signature"),
            mark("v1a: with a key pair; v1: with a shared secret"),
            choices=("", "v1a", "v1"),
        ),
        Field("document_bytes", mark("Largest document in octets"), mark("larger ones go as a notice")),
    ),
    "mail": (
        Field("address", mark("Mailbox"), mark("the official mailbox of the office"), needed=True),
        Field(
            "policy",
            mark("What is mailed"),
            mark("a notice with a link, or the document itself"),
            choices=("", "notice", "document"),
        ),
        Field(
            "language",
            mark("Language that stands first"),
            mark("both always stand in a mail"),
            choices=("", "vi", "en"),
        ),
    ),
    "folder": (Field("folder", mark("Folder"), mark("below the root that the hub's operator has set"), needed=True),),
}


def agency_tag(one: Branch) -> Tag:
    if not one.active:
        return Tag("cross", gettext("Suspended"), "bad")
    if not one.system_active:
        return Tag("cross", gettext("Its system is suspended"), "warn")
    return Tag("check", gettext("Takes part"), "ok")


def system_tag(one: Standing, now: datetime) -> Tag:
    if not one.active:
        return Tag("cross", gettext("Suspended"), "bad")
    if one.disabled_at is not None:
        return Tag("cross", gettext("Hand-over stopped"), "bad")
    if one.failures >= BREAKER_FAILURES and one.retry_at is not None and one.retry_at > now:
        return Tag("hourglass", gettext("Left alone for a while"), "warn")
    if one.failures:
        return Tag("hourglass", gettext("Fails now"), "warn")
    return Tag("check", gettext("In order"), "ok")


def channel_word(channel: str) -> str:
    return gettext(CHANNELS[channel][0]) if channel in CHANNELS else channel


def finding(text: str) -> str:
    """What was found by a look at a channel: a moment as people read it, a text in the reader's language."""
    if not text:
        return "–"
    try:
        return str(moments.exact(clock.parse_rfc3339(text)))
    except ValueError:
        return gettext(text)


def given(channel: str, form: Mapping[str, str]) -> tuple[str | None, dict[str, Any]]:
    """Address and options from a form; an option that was left empty is empty here too, which takes it away."""
    url: str | None = None
    options: dict[str, Any] = {}
    for one in FIELDS.get(channel, ()):
        value = form.get(one.name, "").strip()
        if one.name == "url":
            url = value
        else:
            options[one.name] = value
    return url, options
