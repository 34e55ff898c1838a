"""Plain HTTP to a hub, and what every problem document must look like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx

from hub.problems import CATALOGUE
from tests.world import Office

TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass
class Edge:
    http: httpx.Client

    def call(self, method: str, path: str, *, by: Office | None = None, **more: Any) -> httpx.Response:
        """One request, with the token of an office where one is given."""
        headers = dict(more.pop("headers", {}))
        if by is not None:
            headers["Authorization"] = f"Bearer {by.client.access_token()}"
        return self.http.request(method, path, headers=headers, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.call("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.call("POST", path, **more)


def problem(answer: httpx.Response, code: str, *, language: str = "vi") -> dict[str, Any]:
    """The problem document in ``answer``, held to RFC 9457, the catalogue and the design; its code must be ``code``."""
    assert answer.headers["content-type"].split(";")[0] == "application/problem+json", answer.text
    document: dict[str, Any] = answer.json()
    row = CATALOGUE[code]
    assert document["code"] == code, document
    assert answer.status_code == document["status"] == row.status
    assert document["type"] == f"/problems/{code}"
    assert document["title"] == row.title(language)
    assert document["remedy"] == row.remedy(language)
    assert document["detail"]
    assert document["retryable"] is row.retryable
    assert document["instance"] == httpx.URL(answer.request.url).path
    assert document["findings"]
    for finding in document["findings"]:
        assert {"code", "title", "detail", "location", "rule", "remedy"} == finding.keys()
        assert finding["code"] in CATALOGUE
    assert answer.headers["content-language"] == language
    assert answer.headers["cache-control"] == "no-store"
    assert TRACEPARENT.fullmatch(answer.headers["traceparent"])
    assert document["trace_id"] == answer.headers["traceparent"][3:35]
    assert ("www-authenticate" in answer.headers) == (row.status == 401)
    assert ("retry-after" in answer.headers) == (row.status in (429, 503))
    return document
