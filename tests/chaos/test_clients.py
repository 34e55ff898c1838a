"""Clients that vanish: what they were waiting for goes to the next one that asks."""

from __future__ import annotations

import socket
import time

from tests.chaos.stage import Stage
from tests.world import eventually


def test_a_client_that_hung_up_while_waiting_is_leased_nothing(stage: Stage) -> None:
    recipient = stage.recipients[0]
    request = (
        "GET /v1/inbox?wait=30&lease=300 HTTP/1.1\r\nHost: hub\r\n"
        f"Authorization: Bearer {recipient.client.access_token()}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", stage.world.port)) as waiting:
        waiting.sendall(request.encode())
        time.sleep(0.5)  # it waits by now
    time.sleep(0.5)
    stage.sender.client.post_envelope(stage.sender.letter(recipient.code))
    taken = eventually(lambda: recipient.client.inbox(limit=10, wait=5, lease=300), 10)
    assert len(taken) == 1
    assert taken[0]["attempt"] == 1
