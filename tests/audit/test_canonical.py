"""The canonical form against RFC 8785: its number vectors (appendix B), its order of keys (§3.2.3)."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from hub.audit.canonical import _is_plain, _written, canonical

NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af6": "1e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner),
)  # fmt: skip

KEYS = st.text(st.characters(max_codepoint=127)) | st.text(st.characters(exclude_categories=("Cs",)))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)


@pytest.mark.parametrize(("bits", "written"), NUMBERS.items())
def test_numbers_are_written_as_ecmascript_writes_them(bits: str, written: str) -> None:
    [value] = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(value) == written.encode()


def test_keys_are_ordered_by_their_utf16_code_units() -> None:
    given = {"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "ö": 7}
    assert list(json.loads(canonical(given))) == ["\r", "1", "\x80", "ö", "€", "\U0001f600", "\ufb33"]


@given(JSON)
def test_the_form_says_the_same_and_is_its_own_form(value: Any) -> None:
    written = canonical(value)
    assert json.loads(written, parse_int=float) == value
    assert canonical(json.loads(written)) == written


@given(PLAIN)
def test_the_quick_way_and_the_long_way_write_the_same_octets(value: Any) -> None:
    event("quick" if _is_plain(value) else "long")
    assert canonical(value) == _written(value).encode()


def test_an_entry_as_the_log_has_them_goes_the_quick_way() -> None:
    entry = {"id": "019", "at": "2026-11-22T00:00:00Z", "detail": {"recipient": "B02", "publication": 1, "rows": []}}
    assert _is_plain(entry)
    assert canonical(entry) == _written(entry).encode()


@pytest.mark.parametrize("value", [1.5, 2**53, {"ö": 1}, {"a": [{"b": 0.1}]}])
def test_fractions_long_numbers_and_other_keys_go_the_long_way(value: Any) -> None:
    assert not _is_plain(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: 2}, b"octets"])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="no JSON form"):
        canonical(value)
