"""A system's RabbitMQ user: its name and what it may do.

It may read its own queue (and so purge it: it is given again what it did not settle) and write under its own routing
key to ``receipts``; it may declare, bind and delete nothing. Its name is the system's client id, and so is the key.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from hub.broker.topology import RECEIPTS_EXCHANGE, agency
from hub.registry.amqp import ALGORITHM
from hub.registry.model import System

NOTHING = "^$"
# a system that reconnects in a circle, or lets its connections lie, hurts itself only
LIMITS = {"max-connections": 20, "max-channels": 200}


def virtual_host(broker_url: str) -> str:
    """The virtual host that an AMQP URL names; ``/`` where it names none."""
    return unquote(urlsplit(broker_url).path[1:]) or "/"


@dataclass(frozen=True, slots=True)
class Account:
    """What one system may do in the virtual host. Patterns are anchored: a longer name would match otherwise.

    ``active``: one that is suspended may do nothing.
    """

    user: str
    queue: str
    vhost: str
    active: bool = True

    @classmethod
    def of(cls, system: System, vhost: str) -> Account:
        return cls(system.client_id, agency(system.id).name, vhost, system.active)

    @property
    def permissions(self) -> dict[str, str]:
        if not self.active:
            return dict.fromkeys(("configure", "write", "read"), NOTHING)
        return {"configure": NOTHING, "write": _only(RECEIPTS_EXCHANGE), "read": _only(self.queue)}

    @property
    def topic_permissions(self) -> dict[str, str]:
        return {"exchange": RECEIPTS_EXCHANGE, "write": _only(self.user), "read": NOTHING}

    def requests(self, password_hash: str) -> list[tuple[str, dict[str, Any]]]:
        """What is PUT to the management interface, in this order: nobody may do anything before the user is limited."""
        user, vhost = quote(self.user, safe=""), quote(self.vhost, safe="")
        account = {"password_hash": password_hash, "hashing_algorithm": ALGORITHM, "tags": ""}
        return [
            (f"/api/users/{user}", account),
            *((f"/api/user-limits/{user}/{name}", {"value": value}) for name, value in LIMITS.items()),
            (f"/api/topic-permissions/{vhost}/{user}", self.topic_permissions),
            (f"/api/permissions/{vhost}/{user}", self.permissions),
        ]

    def commands(self, password: str, *, exists: bool = False) -> list[str]:
        """The same for an operator's shell, on the machine of RabbitMQ; with ``exists`` only the new password."""
        # a password may begin with a dash
        change = _command("change_password" if exists else "add_user", "--", self.user, password)
        if exists:
            return [change, _command("close_all_user_connections", self.user, "password changed")]
        topic, plain = self.topic_permissions, self.permissions
        return [
            change,
            _command("set_user_limits", self.user, json.dumps(LIMITS)),
            _command(
                "set_topic_permissions", "-p", self.vhost, self.user, topic["exchange"], topic["write"], topic["read"]
            ),
            _command("set_permissions", "-p", self.vhost, self.user, plain["configure"], plain["write"], plain["read"]),
        ]


def _only(name: str) -> str:
    return "^" + name.replace(".", r"\.") + "$"  # nothing else in these names means anything in a pattern


def _command(*words: str) -> str:
    return shlex.join(["rabbitmqctl", *words])
