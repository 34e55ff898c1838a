"""Registering a system: its channel first, then what that channel needs; its secret is shown once."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub import clock
from hub.dashboard import registering
from hub.dashboard.desk import Desk
from hub.dashboard.forms import choice_of, form_of
from hub.dashboard.screens.systems import MENDABLE
from hub.ledger import Transaction, registration, systems
from hub.problems import Refused, explain
from hub.registry import amqp
from hub.registry.model import System


class NewSystemScreens:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def add(self, router: APIRouter) -> None:
        router.add_api_route("/systems/new", self.form, methods=["GET"])
        router.add_api_route("/systems", self.register, methods=["POST"])

    async def form(self, request: Request) -> Response:
        return self._form(request, {"channel": choice_of(request, "channel", tuple(registering.CHANNELS))})

    async def register(self, request: Request) -> Response:
        form, actor = await form_of(request), f"person:{self.desk.visitor(request).person.login}"
        channel, password = form.get("channel", ""), clock.new_secret()
        url, options = registering.given(channel, form)
        kept = {name: value for name, value in options.items() if value}
        if channel == "amqp":
            kept[amqp.PASSWORD_HASH] = amqp.hashed(password)
        try:
            made, secret = await self.desk.ledger.write(self._add, form, url or None, kept, actor)
        except Refused as refusal:
            if refusal.code not in MENDABLE:
                raise
            return self._form(request, form, refusal)
        values = {"system": made, "secret": secret, "password": password if channel == "amqp" else ""}
        return self.desk.page(request, "systems/made.html", values, section="systems")

    def _add(
        self, transaction: Transaction, form: dict[str, str], url: str | None, options: dict[str, Any], actor: str
    ) -> tuple[System, str]:
        known = self.desk.context.registering
        client_id, secret = registration.add_system(
            transaction,
            form.get("name", ""),
            form.get("channel", ""),
            url,
            options=options,
            inline_only="inline_only" in form,
            reach=known.reach,
            folders=known.folders,
            actor=actor,
        )
        made = systems.by_client(transaction, client_id)
        assert made is not None, "it was made a moment ago"
        return made, secret

    def _form(self, request: Request, form: dict[str, str], refusal: Refused | None = None) -> Response:
        channel = form.get("channel", "")
        values = {
            "channel": channel,
            "channels": [(name, *registering.CHANNELS[name]) for name in self.desk.context.registering.channels],
            "word": registering.channel_word(channel),
            "fields": registering.FIELDS.get(channel, ()),
            "given": form,
            "problem": None if refusal is None else explain(refusal.code),
            "problem_detail": "" if refusal is None else refusal.detail,
        }
        status = 200 if refusal is None else explain(refusal.code).status
        return self.desk.page(request, "systems/new.html", values, section="systems", status=status)
