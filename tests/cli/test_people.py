"""``lienthong person`` and the link of the first start."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pyotp
import pytest

from hub.cli import acting, people, store
from hub.problems import Refused
from tests.cli.entry import run, running
from tests.services.processes import free_port
from tests.world import eventually

PASSWORD = "nắng mai trên mái ngói"


def link_in(text: str) -> str:
    found = re.search(r"http\S+/welcome/[\w-]{43}", text)
    assert found is not None, text
    return found[0]


def test_the_first_start_prints_a_link_and_the_command_line_makes_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, address = tmp_path / "data", f"127.0.0.1:{free_port()}"
    with running("up", "--data", data, "--listen", address, log=tmp_path / "log") as hub:
        hub.wait_ready(f"http://{address}")
        eventually(lambda: "/welcome/" in hub.log)
        link = link_in(hub.log)
        with httpx.Client(headers={"Accept-Language": "en"}) as browser:
            form = {"login": "quantri", "name": "Quản trị", "password": PASSWORD, "again": PASSWORD}
            answer = browser.post(link, data=form)
            assert answer.headers["location"].startswith("/login/factor")
            page = browser.get(f"http://{address}/login/factor").text
            secret = re.search(r'class="typed-secret">([A-Z2-7 ]+)<', page)
            assert secret is not None
            code = pyotp.TOTP(secret[1].replace(" ", "")).now()
            assert browser.post(f"http://{address}/login/factor", data={"code": code}).status_code == 200
            assert browser.get(f"http://{address}/people").status_code == 200

        people.person_add("truc", "Trực", ["operator"], no_second_factor=True, data=data)
        _heads, first, second = run("person", "list", "--data", data, LC_ALL="vi_VN.UTF-8").out.splitlines()
        assert [(line.split()[0], "đã thiết lập" in line, "không có" in line) for line in (first, second)] == [
            ("quantri", True, False),
            ("truc", False, True),
        ]

        (tmp_path / "password").write_text(f"{PASSWORD}\n{code}\n", encoding="utf-8")
        with store.opened(data) as ledger, pytest.raises(Refused) as refused:
            acting.verified(ledger, "quantri", tmp_path / "password")
        assert refused.value.code == "person-not-verified", "the code was used at the sign-in"

        monkeypatch.setenv("LIENTHONG_LISTEN", address)
        people.person_link("quantri", remove_second_factor=True, data=data)
        again = {"password": PASSWORD + "!", "again": PASSWORD + "!"}
        answer = httpx.post(link_in(capsys.readouterr().out), data=again)
        assert answer.headers["location"].startswith("/login/factor")
        (tmp_path / "password").write_text(PASSWORD + "!", encoding="utf-8")
        with store.opened(data) as ledger, pytest.raises(Refused) as refused:
            acting.verified(ledger, "quantri", tmp_path / "password")
        assert refused.value.code == "second-factor-missing"
        people.person_unlock("quantri", data=data)
        with pytest.raises(Refused):
            people.person_unlock("nobody", data=data)
        assert hub.interrupt()[0] == 0
