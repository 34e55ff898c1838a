"""``lienthong person`` and the link of the first start."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pyotp

from tests.cli.entry import run, running
from tests.services.processes import free_port
from tests.world import eventually

PASSWORD = "nắng mai trên mái ngói"


def link_in(text: str) -> str:
    found = re.search(r"http\S+/welcome/[\w-]{43}", text)
    assert found is not None, text
    return found[0]


def test_the_first_start_prints_a_link_and_the_command_line_makes_the_others(tmp_path: Path) -> None:
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

        free = run("person", "add", "truc", "Trực", "--role", "operator", "--no-second-factor", "--data", data)
        assert free.code == 0
        listed = run("person", "list", "--data", data, "--json").json
        factors = [(one["login"], one["second_factor"], one["locked"]) for one in listed]
        assert factors == [("quantri", "set", False), ("truc", "none", False)]

        (tmp_path / "password").write_text(f"{PASSWORD}\n{code}\n", encoding="utf-8")
        act = ("hold", "place", "--sender", "H33", "--reason", "vụ việc", "--person", "quantri", "--data", data)
        refused = run(*act, "--password-file", tmp_path / "password")
        assert refused.code == 1, "the code was used at the sign-in"
        assert "person-not-verified" in refused.err

        reset = run("person", "link", "quantri", "--remove-second-factor", "--data", data, LIENTHONG_LISTEN=address)
        again = {"password": PASSWORD + "!", "again": PASSWORD + "!"}
        assert httpx.post(link_in(reset.out), data=again).headers["location"].startswith("/login/factor")
        assert run("person", "unlock", "quantri", "--data", data).code == 0
        assert hub.interrupt()[0] == 0
