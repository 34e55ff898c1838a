"""What axe-core would ask of every page, asked in the browser: names, labels, headings, landmarks, contrast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from hub.figures.counting import count_all
from tests.dashboard.addresses import pages
from tests.dashboard.axe import SCRIPT, violations
from tests.dashboard.conftest import Reader, Site, site_in
from tests.dashboard.office_story import office
from tests.dashboard.pictures import enter
from tests.hostile.forgery import within
from tests.intake.register import signed_letter

pytestmark = pytest.mark.services

Read = Callable[..., Reader]
# where colours of every sort stand together
DENSE = ("/", "/decisions", "/alerts")
WIDE = """[...document.querySelectorAll('body *')].filter(e => e.checkVisibility()
    && e.getBoundingClientRect().right > innerWidth + 1).slice(0, 3).map(e => e.outerHTML.slice(0, 200))"""

# each returns what is wrong, as text that says where
QUESTIONS: dict[str, str] = {
    "one main landmark": "() => document.querySelectorAll('main').length === 1 ? [] : ['main']",
    "one h1": "() => document.querySelectorAll('h1').length === 1 ? [] : ['h1']",
    "headings skip no level": """() => {
        const levels = [...document.querySelectorAll('main :is(h1,h2,h3,h4)')].map(h => +h.tagName[1]);
        return levels.flatMap((level, i) => level - (levels[i - 1] ?? 0) > 1 ? [levels.join(' ')] : []); }""",
    "identifiers are unique": """() => {
        const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
        return ids.filter((id, i) => ids.indexOf(id) !== i); }""",
    "references lead somewhere": """() => ['aria-labelledby', 'aria-describedby', 'for'].flatMap(name =>
        [...document.querySelectorAll(`[${name}]`)].flatMap(e =>
            e.getAttribute(name).split(' ').filter(id => !document.getElementById(id))))""",
    "controls have labels": """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
        .filter(e => !e.labels.length && !e.ariaLabel).map(e => e.outerHTML)""",
    "buttons and links say what they do": """() => [...document.querySelectorAll('a, button, summary')]
        .filter(e => !e.textContent.trim() && !e.ariaLabel && !e.title).map(e => e.outerHTML)""",
    "tables have captions and headed columns": """() => [...document.querySelectorAll('table')]
        .filter(t => !t.caption?.textContent.trim() || [...t.tHead.querySelectorAll('th')].some(th => !th.scope))
        .map(t => t.outerHTML.slice(0, 200))""",
    "rows are as wide as the head": """() => [...document.querySelectorAll('table')].flatMap(t =>
        [...t.tBodies].flatMap(b => [...b.rows]
            .filter(r => [...r.cells].reduce((n, c) => n + c.colSpan, 0) !== t.tHead.rows[0].cells.length)
            .map(r => r.outerHTML.slice(0, 200))))""",
    "lists hold items only": """() => [...document.querySelectorAll('ul > :not(li), ol > :not(li)')]
        .map(e => e.outerHTML.slice(0, 200))""",
    "icons are not read out": """() => [...document.querySelectorAll('svg')]
        .filter(s => s.getAttribute('role') !== 'img' && s.getAttribute('aria-hidden') !== 'true')
        .map(s => s.outerHTML.slice(0, 200))""",
    "what scrolls can be reached": """() => [...document.querySelectorAll('main *')]
        .filter(e => /auto|scroll/.test(getComputedStyle(e).overflowY) && e.scrollHeight > e.clientHeight + 1
            && e.tabIndex < 0).map(e => e.outerHTML.slice(0, 200))""",
    "colours of text stand out": """() => {
        const channel = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
        const light = c => .2126 * channel(c[0]) + .7152 * channel(c[1]) + .0722 * channel(c[2]);
        const parse = text => text.match(/[\\d.]+/g).map(Number);
        const ground = e => { for (; e; e = e.parentElement) {
            const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c; }
            return [255, 255, 255]; };
        return [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('svg') &&
            [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())).flatMap(e => {
            const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
            return (a + .05) / (b + .05) < 4.5 ? [e.outerHTML.slice(0, 200)] : []; }); }""",
}


def wrong(page: Page) -> dict[str, Any]:
    """The questions that the page fails, with the places."""
    found = {name: page.evaluate(question) for name, question in QUESTIONS.items()}
    return {name: places for name, places in found.items() if places}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A hub with letters and trouble of every sort, and with an office's work."""
    for site in site_in(tmp_path_factory.mktemp("whole"), "trouble", "intake", "settled"):
        office(site.ledger)
        count_all(site.ledger)
        yield site


# each theme and each language once: colours do not depend on words
@pytest.mark.timeout(600)  # every page there is, on a machine that may be busy
@pytest.mark.parametrize(("theme", "language"), [("light", "vi"), ("dark", "en")])
def test_every_page_can_be_used_by_everyone(whole: Site, read: Read, theme: str, language: str) -> None:
    reader = read(whole, theme=theme, language=language)
    token = enter(whole.ledger, "administrator")
    page = reader.page
    page.context.add_cookies([{"name": "lienthong-session", "value": token, "url": whole.address}])
    page.add_init_script(SCRIPT)
    wrongs: dict[str, Any] = {}
    for path in (*pages(whole.address, whole.ledger, token), "/envelopes?q=xyz"):
        page.set_viewport_size({"width": 1280, "height": 844})
        reader.open(path)
        found = wrong(page) | violations(page, contrast=path in DENSE)
        for width in (390, 320):
            page.set_viewport_size({"width": width, "height": 844})
            if page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
                found[f"wider than {width} px"] = page.evaluate(WIDE)
        wrongs |= {path: found} if found else {}
    assert wrongs == {}
    # some examples are of what is not there: their pages are looked at too
    assert [one for one in reader.complaints if "status of 404" not in one] == []


def test_a_phone_shows_nothing_that_axe_finds(whole: Site, read: Read) -> None:
    """Lists look otherwise there, and the bar is only there."""
    reader = read(whole, width=390)
    token = enter(whole.ledger, "operator")
    reader.page.context.add_cookies([{"name": "lienthong-session", "value": token, "url": whole.address}])
    reader.page.add_init_script(SCRIPT)
    for path in ("/", "/envelopes", "/dead-letters", f"/envelopes/{whole.letters['trouble']}"):
        page = reader.open(path)
        page.click(".bar .more summary")
        assert wrong(page) | violations(page) == {}, path


def test_the_rules_of_axe_bite(quiet: Site, read: Read) -> None:
    reader = read(quiet)
    reader.page.add_init_script(SCRIPT)
    page = reader.open("/login")
    assert violations(page) == {}
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x><button></button>')")
    assert violations(page).keys() == {"image-alt", "button-name"}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_report_can_be_used_by_everyone(watched: Site, read: Read, tmp_path: Path, theme: str) -> None:
    reader = read(watched, theme=theme, language="en")
    reader.page.add_init_script(SCRIPT)
    reader.log_in()
    good = signed_letter(watched.signer, "H33.07")
    for body in (good, within(good, "liên thông", "liên thộng"), b"<edXML", signed_letter(watched.signer, "H99.98")):
        file = tmp_path / "letter.edxml"
        file.write_bytes(body)
        page = reader.open("/check")
        page.set_input_files("#envelope", file)
        page.press(".upload button", "Enter")
        page.wait_for_selector("#verdict")
        assert wrong(page) | violations(page, contrast=theme == "light") == {}
        for width in (390, 320, 1280):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert reader.complaints == []


def test_the_questions_bite(quiet: Site, read: Read) -> None:
    page = read(quiet).open("/login")
    assert wrong(page) == {}
    page.evaluate("""() => { document.querySelector('main').insertAdjacentHTML('beforeend',
        `<h4 id=login>x</h4><input><a href="/"></a><svg></svg><ul><p class=faint>x</p></ul><p aria-labelledby=gone>x</p>
         <table><thead><tr><th>x</th><th>y</th></tr></thead><tbody><tr><td>z</td></tr></tbody></table>
         <div id=box><div id=tall>x</div></div><main></main><h1>y</h1>`);
        const style = (what, name, value) => document.querySelector(what).style.setProperty(name, value);
        style('.faint', 'color', 'rgb(200, 200, 200)'); style('#tall', 'height', '90px');
        style('#box', 'height', '10px'); style('#box', 'overflow', 'auto'); }""")
    assert wrong(page).keys() == QUESTIONS.keys()
