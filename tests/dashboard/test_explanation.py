"""Facts of a report and of a letter's record, in the reader's words; what older letters lack is not shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hub import language
from hub.dashboard import explanation
from hub.language import LANGUAGES, Language

SIGNATURE = {"outcome": "valid", "intact": True, "valid": True, "trusted": True}


@pytest.fixture(params=LANGUAGES)
def reading(request: pytest.FixtureRequest) -> Iterator[Language]:
    token = language.current.set(request.param)
    yield request.param
    language.current.reset(token)


@pytest.fixture
def english() -> Iterator[None]:
    token = language.current.set("en")
    yield
    language.current.reset(token)


def report(verdict: str, *severities: str, warnings: int = 0, **more: Any) -> dict[str, Any]:
    findings = [{"severity": one} for one in severities]
    return {"verdict": verdict, "findings": findings, "warnings": [{}] * warnings} | more


@pytest.mark.parametrize(
    ("made", "title", "text"),
    [
        (report("accepted"), "This letter would be accepted", "Nothing has to be mended."),
        (report("accepted", warnings=2), "This letter would be accepted", "The answer carries 2 warnings."),
        (report("refused", "refuse"), "This letter would be refused", "1 thing has to be mended first."),
        (report("refused", "refuse", "refuse", "defer"), "This letter would be refused", "2 things have"),
        (report("deferred", "defer", retry_after=300), "The hub cannot tell now", "Try again in 5 minutes."),
    ],
)
def test_the_verdict_is_a_sentence_that_says_how_much_there_is_to_do(
    english: None, made: dict[str, Any], title: str, text: str
) -> None:
    said = explanation.verdict(made)
    assert said.title == title
    assert text in said.text


@pytest.mark.parametrize(
    ("signature", "shapes"),
    [
        (SIGNATURE, ["check", "check", "check"]),
        (SIGNATURE | {"intact": False, "trusted": None}, ["cross", "check", "ring"]),
        (SIGNATURE | {"trusted": False}, ["check", "check", "cross"]),
        (SIGNATURE | {"intact": None, "valid": False, "trusted": None}, ["ring", "cross", "ring"]),
        ({"outcome": "absent"}, ["cross"]),
        ({"outcome": "not-reached"}, ["ring"]),
    ],
)
def test_unchanged_fitting_and_trusted_are_three_answers(
    reading: Language, signature: dict[str, Any], shapes: list[str]
) -> None:
    answers = explanation.questions(signature)
    assert [answer.shape for answer in answers] == shapes
    assert len({answer.word for answer in answers}) == len(answers)


@pytest.mark.parametrize(
    ("status", "tone"),
    [("good", "ok"), ("revoked", "bad"), ("pending", "warn"), ("unchecked", "warn"), ("odd", "muted")],
)
def test_only_a_good_answer_is_green(reading: Language, status: str, tone: str) -> None:
    [row] = explanation.revocations([{"certificate": "CN", "status": status}])
    assert row.tag.tone == tone
    assert row.tag.word


def test_an_answer_says_whose_and_how_old_it_is(english: None) -> None:
    at = {"this_update": "2026-11-20T01:00:00Z", "next_update": "", "age_seconds": 1200}
    [listed, fetched] = explanation.revocations(
        [
            {"status": "good", "kind": "crl", "source": "configured"} | at,
            {"status": "good", "kind": "ocsp", "source": "http://ocsp.test/"} | at,
        ]
    )
    assert (listed.source, fetched.source) == ("CRL · added by the operator", "OCSP · http://ocsp.test/")
    assert (listed.age, listed.this_update, listed.next_update) == ("20 minutes", "20/11/2026 08:00:00", "")


def test_letters_of_before_the_facts_show_what_there_is(english: None) -> None:
    assert explanation.revocations(None) == []
    assert explanation.revocations(["good"]) == []
    assert explanation.file_facts({"content_type": "application/pdf", "size": 1_200}) == "application/pdf · 1 KB"
    assert explanation.file_facts({}) == ""
    assert explanation.file_facts({"kind": "pdf", "form": "inline"}) == "PDF"
    assert explanation.file_facts({"kind": "pdf", "form": "part"}) == "PDF · sent beside the document"
    assert explanation.document_signatures({}) == []


def test_what_is_behind_the_last_signature_is_said_once_nobody_covers_it(english: None) -> None:
    first = {"signer": "A", "valid": True, "trusted": True, "covers_whole": False}
    second = first | {"signer": "B", "covers_whole": True}
    whole = explanation.document_signatures({"signatures": [first, second]})
    assert [tag.word for tag, _more in whole] == ["Signed by A", "Signed by B"]
    added = explanation.document_signatures({"signatures": [first]})
    assert [tag.word for tag, _more in added] == ["Signed by A, then something was added"]


@pytest.mark.parametrize(
    ("row", "tone"),
    [
        ({"signer": "A", "valid": True, "trusted": True}, "ok"),
        ({"signer": "A", "valid": True, "trusted": False}, "warn"),
        ({"signer": "", "valid": False, "trusted": True, "problem": "digest"}, "bad"),
    ],
)
def test_a_signature_inside_a_document_is_judged_by_its_holding_first(
    reading: Language, row: dict[str, Any], tone: str
) -> None:
    [(tag, more)] = explanation.document_signatures({"signatures": [row]})
    assert tag.tone == tone
    assert more == row.get("problem", "")


def test_a_check_for_malware_that_nobody_made_has_not_passed(reading: Language) -> None:
    checks = [{"name": "form", "outcome": "passed"}, {"name": "malware", "outcome": "passed"}]
    clean = explanation.check_outcomes({"checks": checks, "attachments": [{"scan": "clean"}]})
    unseen = explanation.check_outcomes({"checks": checks, "attachments": [{"scan": "clean"}, {"scan": "not-scanned"}]})
    assert [tag.shape for _row, tag in clean] == ["check", "check"]
    assert [tag.shape for _row, tag in unseen] == ["check", "refusals"]


@pytest.mark.parametrize("word", ["too-large", "over-limits", "unreadable", "encrypted", "opaque"])
def test_why_nobody_could_look_inside_is_said_in_words(reading: Language, word: str) -> None:
    assert explanation.inspection(word).word != word
