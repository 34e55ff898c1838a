"""Recalling, updating and replacing from the command line, on a running hub."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from hub import clock
from hub.cli.changing import Change, Named
from tests.cli.command import lienthong
from tests.cli.test_parts import profile_of
from tests.world import PDF, Office, World, eventually


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("changes")) as built:
        built.start("up")
        yield built


class Desk:
    """A sender's command line."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.office = world.office()
        self.profile = profile_of(world, self.office, directory)
        self.file = directory / "Công văn.pdf"
        self.file.write_bytes(PDF)

    def send(self, *words: str | Path) -> Any:
        sent = lienthong("send", *words, "--as", self.profile, "--json")
        assert sent.code == 0, sent.err
        return sent.json

    def shown(self, sent: Any) -> Any:
        return self.office.client.envelope(sent["id"])

    def states(self, sent: Any) -> dict[str, str]:
        return {row["code"]: row["state"] for row in self.shown(sent)["recipients"]}


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    return Desk(world, tmp_path)


def take(office: Office) -> Any:
    return eventually(lambda: office.client.inbox(limit=1, wait=2))[0]


def test_a_recall_needs_no_file_and_takes_back_what_lies_there(desk: Desk) -> None:
    recipient = desk.world.office()
    sent = desk.send(desk.file, "--to", recipient.code, "--number", "12", "--notation", "SNV-VP")
    recall = desk.send("--recall", sent["document_id"], "--to", recipient.code, "--reason", "Gửi nhầm")
    assert (recall["business_type"], recall["document_id"]) == (1, sent["document_id"])
    assert desk.states(sent) == desk.states(recall) == {recipient.code: "withdrawn"}
    shown = desk.shown(recall)
    assert (shown["number"], shown["notation"], shown["previous"]) == ("12", "SNV-VP", sent["id"])
    assert shown["business"]["reason"] == "Gửi nhầm"


def test_an_update_adds_and_removes_recipients(desk: Desk) -> None:
    first, second, third = (desk.world.office() for _ in range(3))
    sent = desk.send(desk.file, "--to", first.code, "--to", second.code)
    changes = ("--add", third.code, "--remove", second.code, "--reason", "Sai nơi nhận")
    update = desk.send("--update", sent["document_id"], "--to", first.code, *changes)
    assert set(desk.states(update)) == {first.code, third.code}
    assert desk.states(sent)[second.code] == "withdrawn"
    assert desk.states(sent)[first.code] != "withdrawn"


def test_a_replacement_takes_the_place_of_the_old_one(desk: Desk) -> None:
    recipient = desk.world.office()
    sent = desk.send(desk.file, "--to", recipient.code, "--number", "13")
    new = desk.send(desk.file, "--replace", sent["document_id"], "--to", recipient.code, "--number", "14", "--paper")
    assert desk.states(sent) == {recipient.code: "withdrawn"}
    delivery = take(recipient)
    assert (delivery["envelope"], delivery["business_type"], delivery["paper"]) == (new["id"], 3, 1)
    assert desk.shown(new)["previous"] == sent["id"]
    assert delivery["previous"] is None  # the recipient was never shown the old one, and is not now


def test_an_answer_names_the_letter_that_it_answers(desk: Desk, tmp_path: Path) -> None:
    asking = desk.world.office()
    asked = asking.client.post_envelope(asking.letter(desk.office.code, document_id=f"{asking.code},2026/11/20,9/VP"))
    answer = desk.send(desk.file, "--to", asking.code, "--answers", asked["document_id"])
    [reference] = desk.shown(answer)["response_for"]
    assert (reference["code"], reference["envelope"]) == (asking.code, asked["id"])
    assert take(asking)["response_for"][0]["envelope"] == asked["id"]


def test_a_scheduled_letter_is_not_shown_before_its_hour(desk: Desk) -> None:
    recipient = desk.world.office()
    hour = (clock.now() + timedelta(hours=3)).astimezone(clock.VIETNAM)
    sent = desk.send(desk.file, "--to", recipient.code, "--not-before", f"{hour:%Y-%m-%dT%H:%M}")
    shown = desk.shown(sent)
    assert (shown["priority"], shown["not_before"][:16]) == (4, clock.rfc3339(hour)[:16])
    eventually(lambda: desk.states(sent) == {recipient.code: "ready"})
    assert recipient.client.inbox(limit=10, wait=0) == []


def test_options_that_contradict_each_other_are_misuse(desk: Desk) -> None:
    assert lienthong("send", "--to", "H33", "--as", desk.profile).code == 2  # no file, and no recall
    for change in (
        Change(recall="a", update="b"),
        Change(recall="a", business_type=2),
        Change(update="a", replace=("b",)),
        Change(add=("H33.01",)),
        Change(recall="a", remove=("H33.01",)),
    ):
        with pytest.raises(typer.BadParameter):
            change.check()


def test_a_recall_of_what_was_never_sent_is_refused(desk: Desk) -> None:
    recipient = desk.world.office()
    refused = lienthong("send", "--recall", "chưa gửi", "--to", recipient.code, "--as", desk.profile)
    assert refused.code == 1
    assert "document-unknown" in refused.err


def test_a_document_id_tells_number_and_day_where_it_has_the_usual_form() -> None:
    named = Named.of("000.00.00.G22,2015/09/30,7816/VPCP-TTĐT")
    assert (named.organ, str(named.day), named.number, named.notation) == (
        "000.00.00.G22", "2015-09-30", "7816", "VPCP-TTĐT",
    )  # fmt: skip
    assert Named.of("G22,2014/02/30,1/QĐ").day is None
    assert Named.of("9fbfbad2-f1f8-4256-a2eb-50fb1061cddb") == Named()
