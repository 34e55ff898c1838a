"""PKCS#11 URIs: what names one key is understood, and anything doubtful is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.problems import Misconfigured
from hub.settings import load
from hub.signatures.keys.uri import Pkcs11Uri

QUERY = "?module-path=/usr/lib/hsm.so&pin-source=/etc/pin"


def test_a_uri_names_token_key_module_and_the_file_of_the_pin() -> None:
    uri = Pkcs11Uri.parse(
        "pkcs11:token=H%E1%BB%87%20th%E1%BB%91ng;serial=0a;object=hub%3B1;id=%01%ff;type=private;slot-id=7"
        "?pin-source=file:///run/secrets/pin&module-path=/usr/lib/hsm.so"
    )
    assert uri == Pkcs11Uri(
        Path("/usr/lib/hsm.so"), Path("/run/secrets/pin"), "Hệ thống", "0a", slot=7, object="hub;1", id=b"\x01\xff"
    )
    assert (uri.key, uri.where) == ("hub;1", "token Hệ thống, serial 0a, slot 7")
    assert Pkcs11Uri.parse(f"pkcs11:serial=0a;id=%01{QUERY}").key == "id 01"


REFUSED = {
    f"pkcs12:token=a;object=b{QUERY}": "is pkcs11:",
    f"pkcs11:object=b{QUERY}": "which token",
    f"pkcs11:token=a{QUERY}": "which key",
    "pkcs11:token=a;object=b?pin-source=/etc/pin": "module-path is missing",
    "pkcs11:token=a;object=b?module-path=/usr/lib/hsm.so": "pin-source is missing",
    f"pkcs11:token=a;object=b{QUERY}&pin-value=1234": "would show the PIN",
    f"pkcs11:token=a;token=b;object=b{QUERY}": "token stands twice",
    f"pkcs11:token=a;object=b;type=public{QUERY}": "type is private",
    f"pkcs11:token=a;object=b;colour=red{QUERY}": "colour is not",
    f"pkcs11:token=a;object{QUERY}": "NAME=VALUE",
    f"pkcs11:slot-id=x;object=b{QUERY}": "slot-id is a number",
    "pkcs11:token=a;object=b?module-path=hsm.so&pin-source=/etc/pin": "module-path is a path from the root",
    "pkcs11:token=a;object=b?module-path=/usr/lib/hsm.so&pin-source=|cat pin": "commands are not run",
    f"pkcs11:token=%ff;object=b{QUERY}": "utf-8",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: REFUSED[text])
def test_a_uri_that_is_not_clear_is_refused_and_the_setting_with_it(text: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[text].replace("|", r"\|")):
        Pkcs11Uri.parse(text)
    if text.startswith("pkcs11:"):
        with pytest.raises(Misconfigured) as wrong:
            load(hub_key=text)
        assert [one.location for one in wrong.value.findings] == ["LIENTHONG_HUB_KEY"]
