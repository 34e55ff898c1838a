"""The doctor says what is wrong with the way to the mail server, before a letter finds out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.cli import outward
from hub.problems import Misconfigured
from hub.settings import Settings, load
from tests.mail.postoffice import Certificates, PostOffice


def settings(office: PostOffice, certificates: Certificates, **more: Any) -> Settings:
    given: dict[str, Any] = {
        "smtp_url": f"smtp://127.0.0.1:{office.port}",
        "smtp_from": "hub@lienthong.example",
        "smtp_ca_file": certificates.authority,
        "public_url": "https://hub.example",
        **more,
    }
    return Settings(**given)


async def examined(chosen: Settings) -> dict[str, tuple[bool, str]]:
    return {name: (good, words) for name, good, words in await outward.examine(chosen)}


async def test_a_mail_server_that_lets_the_hub_in_is_good(
    office: PostOffice, certificates: Certificates, tmp_path: Path
) -> None:
    (tmp_path / "new").mkdir()
    found = await examined(settings(office, certificates, bounces=tmp_path, folder_root=tmp_path))
    assert {name: good for name, (good, _words) in found.items()} == {
        "mail server": True,
        "alerts": True,
        "bounces": True,
        "folders": True,
    }
    assert office.letters == []


async def test_what_is_wrong_is_named(office: PostOffice, certificates: Certificates, tmp_path: Path) -> None:
    wrong = settings(
        office, certificates, smtp_ca_file=None, public_url=None, bounces=tmp_path, folder_root=tmp_path / "none"
    )
    found = await examined(wrong)
    assert [name for name, (good, _words) in found.items() if good] == ["alerts"]
    assert "LIENTHONG_ALERT_MAIL" in found["alerts"][1]
    assert "tls-failed" in found["mail server"][1]
    assert str(tmp_path / "new") in found["bounces"][1]
    assert set(found) == {"mail server", "alerts", "links in mails", "bounces", "folders"}
    (tmp_path / "ca.pem").write_text("no certificate")
    unreadable = await examined(settings(office, certificates, smtp_ca_file=tmp_path / "ca.pem"))
    assert unreadable["mail server"][0] is False


async def test_without_a_mail_server_that_is_said() -> None:
    assert (await examined(Settings()))["mail server"][0]


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"smtp_url": "smtp://mail.example"}, "LIENTHONG_SMTP_FROM"),
        ({"smtp_from": "hub@lienthong.example"}, "LIENTHONG_SMTP_FROM"),
        ({"smtp_url": "smtp://mail.example", "smtp_from": "hub"}, "LIENTHONG_SMTP_FROM"),
        ({"smtp_timeout_seconds": "0"}, "LIENTHONG_SMTP_TIMEOUT_SECONDS"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, str], place: str) -> None:
    with pytest.raises(Misconfigured) as wrong:
        load(**given)
    assert [one.location for one in wrong.value.findings] == [place]


@pytest.mark.parametrize("url", ["http://mail.example", "smtp://10.0.0.1:25"])
async def test_an_address_that_cannot_be_used_is_one_clear_error(url: str) -> None:
    plain = Settings(smtp_url=url, smtp_from="hub@lienthong.example", smtp_plain=True, public_url="https://hub.example")
    good, words = (await examined(plain))["mail server"]
    assert not good
    assert "must be" in words or "this machine" in words
