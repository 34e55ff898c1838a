"""Every attack on the form of multipart/related is refused by a running hub, and the honest body is taken."""

from __future__ import annotations

import hashlib
import socket
import uuid
from collections.abc import Iterator

import pytest

from hub import clock
from hub.problems import CATALOGUE
from tests.hostile import multipart
from tests.hostile.forgery import RECIPIENT
from tests.hostile.multipart import ATTACKS, ONE, TWO, Attack, Crate, crate, document, in_small_chunks
from tests.hostile.stage import Answer, Stage, set_up
from tests.world import World, eventually


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    environment = {
        "LIENTHONG_MAX_ENVELOPE_BYTES": str(multipart.LARGEST_ROOT),
        "LIENTHONG_MAX_ATTACHMENT_BYTES": str(multipart.LARGEST_ATTACHMENT),
        "LIENTHONG_MAX_REQUEST_BYTES": str(multipart.LARGEST_REQUEST),
    }
    with World(tmp_path_factory.mktemp("multipart"), environment) as world:
        world.start("up")
        yield set_up(world)


def post(stage: Stage, sent: Crate) -> Answer:
    return stage.post(sent.written(), {"Content-Type": sent.content_type})


def honest(stage: Stage) -> Crate:
    """A letter that was never sent before."""
    return crate(stage, document(document_id=str(uuid.uuid4())))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_attack_is_refused_with_its_code_and_logged(stage: Stage, attack: Attack) -> None:
    since = clock.rfc3339(clock.now())
    answer = post(stage, attack.forge(stage))
    assert (answer.body["code"], answer.status) == (attack.code, CATALOGUE[attack.code].status), answer.body
    assert stage.logged(attack.code, since)


def test_the_honest_body_is_taken_after_all_of_them_and_given_back_octet_for_octet(stage: Stage) -> None:
    sent = honest(stage)
    answer = post(stage, sent)
    assert answer.status == 201, answer.body
    assert answer.body["sha256"] == hashlib.sha256(sent.parts[0].content).hexdigest()
    recipient = stage.recipients[RECIPIENT]
    assert recipient.client.content(answer.body["id"]) == sent.parts[0].content
    for content_id, content in (("a1", ONE), ("a2", TWO)):
        path = f"/v1/envelopes/{answer.body['id']}/attachments/{content_id}"
        assert stage.get(path, recipient) == content


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.with_part(0, Content_ID="<goc@co-quan.example>"),
        lambda it: it.with_part(1, Content_ID="a1"),
        lambda it: it.with_part(1, Content_ID="<cid:a1>"),
        lambda it: it.with_part(1, Content_Transfer_Encoding=None, Content_Type=None),
        lambda it: it.with_part(1, Content_Transfer_Encoding="8BIT", Content_Length=str(len(ONE))),
        lambda it: it.with_part(1, Content_Disposition='attachment; filename="../../x.txt"'),
        lambda it: Crate((*it.parts[1:], it.parts[0].but(Content_ID="<goc>")), it.content_type + '; start="<goc>"'),
        lambda it: Crate(it.parts, it.content_type, lambda body: b"\r\n" + body[:-2]),
        lambda it: Crate((it.parts[0], it.parts[2], it.parts[1]), it.content_type.replace("multipart", "Multipart")),
    ],
)
def test_what_the_standards_leave_to_the_sender_is_taken(stage: Stage, change: object) -> None:
    assert callable(change)
    answer = post(stage, change(honest(stage)))
    assert answer.status == 201, answer.body


def test_where_the_network_cuts_the_body_makes_no_difference(stage: Stage) -> None:
    sent = honest(stage)
    headers = {"Content-Type": sent.content_type, "Transfer-Encoding": "chunked"}
    answer = stage.post(in_small_chunks(sent.written()), headers)
    assert answer.status == 201, answer.body


def test_a_body_beyond_the_limit_is_refused_by_its_declared_length_and_while_it_comes(stage: Stage) -> None:
    head = {"Content-Type": honest(stage).content_type}
    answer = stage.post(b"", {**head, "Content-Length": str(multipart.LARGEST_REQUEST + 1)})
    assert (answer.status, answer.body["findings"][0]["location"]) == (413, "Content-Length")
    long = crate(stage).written()[:-30] + b"x" * multipart.LARGEST_ATTACHMENT
    pieces = (long for _ in range(multipart.LARGEST_REQUEST // len(long) + 1))
    answer = stage.post(pieces, {**head, "Transfer-Encoding": "chunked"})
    assert answer.body["code"] in ("request-too-large", "attachment-too-large")


def test_an_upload_that_breaks_off_is_no_envelope_and_leaves_no_file(stage: Stage) -> None:
    since = clock.rfc3339(clock.now())
    sent = honest(stage)
    body = sent.written()
    with socket.create_connection(("127.0.0.1", stage.world.port)) as connection:
        head = (
            f"POST /v1/envelopes HTTP/1.1\r\nHost: x\r\nContent-Type: {sent.content_type}\r\n"
            f"Authorization: Bearer {stage.office.client.access_token()}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body[:-40])
    assert eventually(lambda: stage.logged("request-invalid", since))
    assert post(stage, sent).status == 201, "a first try that broke off makes no duplicate"
    incoming = stage.world.settings.data_dir / "payloads" / "incoming"
    assert list(incoming.iterdir()) == []


def test_the_verdict_on_parts_can_be_asked_for(stage: Stage) -> None:
    sent = honest(stage)
    answer = stage.post(sent.written(), {"Content-Type": sent.content_type}, "/v1/envelopes:check")
    assert (answer.status, answer.body["verdict"]) == (200, "accepted")
    assert [(one["content_id"], one["form"]) for one in answer.body["attachments"]] == [("a1", "part"), ("a2", "part")]
    wrong = multipart.swapped(stage)
    answer = stage.post(wrong.written(), {"Content-Type": wrong.content_type}, "/v1/envelopes:check")
    assert [one["code"] for one in answer.body["findings"]] == ["attachment-digest", "attachment-digest"]
    assert "/edXMLManifest/Reference[1]/" in answer.body["findings"][0]["location"]
