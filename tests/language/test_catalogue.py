"""The Vietnamese catalogue holds every text of the program, and nothing else."""

from __future__ import annotations

import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import hub
from hub import language
from hub.language.folding import folded

ROOT = Path(hub.__file__).parents[1]
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "mark": None, "mark_plural": (1, 2)}
Text = str | tuple[str, ...]


def used() -> Iterator[tuple[Text, str]]:
    """Every text marked for translation, and the file that it stands in."""
    options = {"**/templates/**.html": {"trimmed": "true"}}
    for room in ("hub", "adapters"):
        for file, _line, text, *_rest in extract_from_dir(ROOT / room, METHODS, options, keywords=KEYWORDS):
            yield text, f"{room}/{file}"


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with (language.LOCALE / "vi" / "LC_MESSAGES" / "lienthong.po").open("rb") as file:
        return read_po(file, locale="vi", abort_invalid=True)


def test_every_text_is_translated(catalogue: Catalog) -> None:
    missing = []
    for text, file in used():
        message = catalogue.get(text)
        translated = message.string if message is not None and not message.fuzzy else ""
        if not (all(translated) if isinstance(translated, tuple) else translated):
            missing.append(f"{file}: {text!r}")
    assert not missing, "add to hub/language/locale/vi/LC_MESSAGES/lienthong.po:\n" + "\n".join(missing)


def test_no_translation_is_left_over(catalogue: Catalog) -> None:
    texts = {text for text, _file in used()}
    left = [message.id for message in catalogue if message.id and message.id not in texts]
    assert not left, "no longer used: " + ", ".join(map(repr, left))


def test_translations_keep_the_places_for_values(catalogue: Catalog) -> None:
    for message in catalogue:
        if not message.id:
            continue
        originals = message.id if isinstance(message.id, tuple) else (message.id,)
        translated = message.string if isinstance(message.string, tuple) else (message.string,)
        for text in translated:
            assert places(text) == places(originals[-1]), text


def places(text: str) -> set[str]:
    """The names in ``%(name)s`` and ``{name}``."""
    percent = {part.split(")")[0] for part in text.split("%(")[1:]}
    braces = {name for _literal, name, _format, _conversion in string.Formatter().parse(text) if name}
    return percent | braces


def test_looking_up_gives_the_readers_language() -> None:
    assert language.gettext("Log in", "vi") == "Đăng nhập"
    assert language.gettext("Log in", "en") == "Log in"
    assert language.ngettext("%(num)d day", "%(num)d days", 2, "en") % {"num": 2} == "2 days"
    assert language.ngettext("%(num)d day", "%(num)d days", 2, "vi") % {"num": 2} == "2 ngày"


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, "vi"),
        ("", "vi"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("en;q=0.5, vi;q=0.9", "vi"),
        ("fr, en;q=0.1", "en"),
        ("de", "vi"),
        ("en;q=0", "vi"),
        ("en;q=x", "vi"),
    ],
)
def test_the_browsers_wish_is_followed(header: str | None, chosen: str) -> None:
    assert language.choose(header) == chosen


@pytest.mark.parametrize(
    ("text", "plain"), [("Kế hoạch", "ke hoach"), ("ĐƯỜNG  Về", "duong ve"), ("Số 12/QĐ-UBND", "so 12/qd-ubnd")]
)
def test_folding_leaves_letters_without_marks(text: str, plain: str) -> None:
    assert folded(text) == plain
