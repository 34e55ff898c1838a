"""Nothing borrowed, nothing local, nothing hidden, nothing swallowed in the tracked files."""

from __future__ import annotations

import re

import pytest

from tests.architecture.tree import Breach, octets, report, text, tracked

# Written in pieces, because this file is looked at too.
HOSTS = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("deb", "debian", "org"),
            ("proxy", "golang", "org"),
            ("jsdelivr", "net"),
            ("unpkg", "com"),
            ("cdnjs", "cloudflare", "com"),
            ("fonts", "googleapis", "com"),
            ("fonts", "gstatic", "com"),
            ("esm", "sh/"),
        )
    ),
    re.IGNORECASE,
)
MACHINE_PATHS = re.compile(r"/wo" r"rk/(?:main|shared)\b|/tm" r"p/w\b|/op" r"t/(?:pypi|wheels)|/roo" r"t/|\.pye" r"nv/")
PRIVATE_KEY = re.compile("-----BEGIN " + r"(?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}")
FOREIGN = re.compile("@" + r"licen[cs]e\b|@" + r"preserve\b|\(" + r"c\) (?:19|20)\d\d|All rights " + "reserved")
BORROWED_FOLDERS = {"vendor", "vendored", "third_party", "thirdparty", "node_modules", "site-packages"}
BORROWED_ENDINGS = (".whl", ".jar", ".tar.gz", ".tgz", ".woff", ".woff2", ".ttf", ".otf", ".so", ".dll", ".pyc", ".map")
CODE = (".py", ".js", ".css", ".html", ".sh", ".toml", ".cfg", ".yaml", ".yml", ".ini")
LONGEST_LINE = 400


def matching(path: str, content: str, pattern: re.Pattern[str], what: str) -> list[Breach]:
    return [
        Breach(path, content.count("\n", 0, match.start()) + 1, f"{what}: {match.group()[:60]!r}")
        for match in pattern.finditer(content)
    ]


def borrowed(path: str, content: str | None) -> list[Breach]:
    """Vendored folders, binary packages, fonts, minified files, foreign licence headings."""
    folders = set(path.lower().split("/")[:-1])
    found = [Breach(path, 1, f"looks vendored: {name}") for name in sorted(folders & BORROWED_FOLDERS)]
    if path.endswith(BORROWED_ENDINGS) or ".min." in path:
        found.append(Breach(path, 1, "not written by us"))
    if content is not None and path.endswith(CODE):
        found += [
            Breach(path, number, f"a line of {len(line)} characters: minified or generated")
            for number, line in enumerate(content.splitlines(), 1)
            if len(line) > LONGEST_LINE
        ]
        found += matching(path, content, FOREIGN, "somebody else's heading")
    return found


RULES = [
    pytest.param(HOSTS, "an outside address that must not be needed", id="no registry and no CDN"),
    pytest.param(MACHINE_PATHS, "a path of one machine", id="no machine paths"),
    pytest.param(PRIVATE_KEY, "a secret", id="no private keys"),
]


@pytest.mark.parametrize(("pattern", "what"), RULES)
def test_no_tracked_file_holds_it(pattern: re.Pattern[str], what: str) -> None:
    found = [breach for path in tracked() for breach in matching(path, text(path) or "", pattern, what)]
    assert not found, report(found)


def test_everything_is_written_by_us() -> None:
    found = [breach for path in tracked() for breach in borrowed(path, text(path))]
    assert not found, report(found)


def test_no_tracked_file_is_large() -> None:
    found = [Breach(p, 1, f"{len(octets(p))} octets") for p in tracked() if len(octets(p)) > 1024 * 1024]
    assert not found, report(found)


@pytest.mark.parametrize(
    ("pattern", "example"),
    [
        (HOSTS, "https://files.python" + "hosted.org/x"),
        (HOSTS, "<script src='//cdn.jsdeli" + "vr.net/x'>"),
        (MACHINE_PATHS, "open('/wo" + "rk/main/x')"),
        (MACHINE_PATHS, "file:///o" + "pt/pypi/simple"),
        (PRIVATE_KEY, "-----BEGIN " + "EC PRIVATE KEY-----\n" + "A" * 64),
        (FOREIGN, "/*! @lic" + "ense MIT */"),
    ],
)
def test_the_rules_bite(pattern: re.Pattern[str], example: str) -> None:
    assert matching("example.txt", example, pattern, "found")


@pytest.mark.parametrize("path", ["hub/static/vendor/x.js", "hub/static/htmx.min.js", "hub/x.woff2"])
def test_borrowed_files_are_seen_by_their_names(path: str) -> None:
    assert borrowed(path, "")


def test_minified_files_are_seen_by_their_lines() -> None:
    assert borrowed("hub/static/page.js", "x" * (LONGEST_LINE + 1))
    assert not borrowed("hub/static/page.js", "x" * LONGEST_LINE)
