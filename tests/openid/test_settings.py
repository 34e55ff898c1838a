"""Where a provider is configured: all of it, by HTTPS, with the extra; and hubs without one are as before."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest

from hub.identifying import identity_provider
from hub.ledger import Ledger, migration
from hub.problems import Misconfigured
from hub.settings import Settings
from tests.dashboard.serving import served

RIGHT = {"oidc_issuer": "https://id.example/realm", "oidc_client_id": "hub", "oidc_client_secret": "secret"}


def test_a_provider_is_there_when_all_of_it_is_set() -> None:
    found = identity_provider(Settings(**RIGHT))
    assert found is not None
    assert found.issuer == "https://id.example/realm"
    assert identity_provider(Settings(**{**RIGHT, "oidc_issuer": "http://127.0.0.1:8000"})) is not None
    assert identity_provider(Settings()) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"oidc_issuer": None},
        {"oidc_client_id": None},
        {"oidc_client_secret": None},
        {"oidc_client_secret": ""},
        {"oidc_issuer": "http://id.example/realm"},
        {"oidc_issuer": "https://id.example/realm?a=b"},
        {"oidc_issuer": "id.example"},
    ],
)
def test_half_a_provider_and_one_by_plain_http_stop_the_start(wrong: dict[str, str | None]) -> None:
    with pytest.raises(Misconfigured) as refused:
        identity_provider(Settings(**{**RIGHT, **wrong}))
    assert [one.location for one in refused.value.findings] == ["LIENTHONG_OIDC_ISSUER"]


def test_without_the_extra_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joserfc", None)
    monkeypatch.delitem(sys.modules, "adapters.oidc.id_token", raising=False)
    monkeypatch.delattr("adapters.oidc.id_token", raising=False)
    assert identity_provider(Settings()) is None
    with pytest.raises(Misconfigured) as refused:
        identity_provider(Settings(**RIGHT))
    assert "lienthong[oidc]" in str(refused.value)


def test_a_hub_without_provider_has_no_button_and_no_such_page(tmp_path: Path) -> None:
    ledger = Ledger.sqlite(tmp_path / "ledger.db")
    migration.upgrade(ledger)
    with served(ledger, tmp_path) as address, httpx.Client(base_url=address, verify=False) as browser:
        assert "/login/openid" not in browser.get("/login").text
        assert browser.get("/login/openid").status_code == 404
        assert browser.get("/login/openid/back?state=a&code=b").status_code == 404
    ledger.close()
