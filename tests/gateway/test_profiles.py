"""``/v1/profiles``: a sender reads the very rules that its envelopes are judged by."""

from __future__ import annotations

from datetime import timedelta

from hub import clock
from hub.envelope.names import PROFILE
from hub.ledger import registration
from hub.validation.rules import profile
from tests.gateway.edge import Edge, problem
from tests.world import World, eventually

ADDRESS = f"/v1/profiles/{PROFILE}"


def test_the_rules_are_those_that_judge(edge: Edge, world: World) -> None:
    said = edge.get(ADDRESS, by=world.office()).json()
    assert [(one["rule"], one["severity"], one["fixed"]) for one in said["rules"]] == [
        (rule.name, rule.severity, rule.fixed) for rule in profile(PROFILE).rules.values()
    ]
    length = next(one for one in said["rules"] if one["rule"] == "subject.length")
    assert (length["element"], length["parameters"], length["clause"]) == ("Subject", {"longest": 500}, "1.6")
    assert all(one["title"] for one in said["rules"])


def test_a_system_sees_the_exceptions_of_its_own_agencies_and_of_all_an_auditor_every_one(
    edge: Edge, world: World
) -> None:
    mine, other = world.office(), world.office()
    until = clock.now().date() + timedelta(days=3)
    for code in (mine.code, other.code, ""):
        world.ledger.write_now(registration.set_rule, code, "typist.length", "refuse", until, "thử")

    def seen() -> set[str]:
        said = edge.get(ADDRESS, by=mine).json()["exceptions"]
        return {one["agency"] for one in said if one["rule"] == "typist.length"}

    assert eventually(lambda: seen() == {mine.code, ""})
    audited = world.get(ADDRESS, world.auditor)["exceptions"]
    assert {one["agency"] for one in audited} >= {mine.code, other.code, ""}
    world.ledger.write_now(registration.remove_rule, "", "typist.length")


def test_another_profile_is_not_found(edge: Edge, world: World) -> None:
    problem(edge.get("/v1/profiles/qcvn-102-1999", by=world.office()), "not-found")
