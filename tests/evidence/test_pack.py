"""A pack from a running hub: strangers' tools agree with it, our own check too, and nothing in it can be changed."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import uuid
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from adapters.client import CallRefused
from hub import clock
from hub.audit.note import ED25519, VerifierKey
from hub.cli import build_app
from hub.evidence.container import MEDIA_TYPE, Member, members_of, stream
from hub.evidence.guide import COMMAND
from hub.evidence.names import ASIC_MANIFEST, DECISION, DOCUMENT, JWKS, SIGNATURE
from hub.evidence.seal import Seal
from hub.evidence.verifying import Report, Trusted, verify
from hub.language import gettext
from hub.ledger import people
from hub.registry.passwords import hash_password
from hub.signatures.jws import HubKey
from tests.cli.entry import run
from tests.cli.test_parts import profile_of
from tests.evidence.conftest import PART, Told
from tests.evidence.packs import changed, flipped, member, sealed_anew, written

pytestmark = pytest.mark.slow
PASSWORD = "đường-về-quê-xa"
TOOLS = ("sha256sum", "openssl cms", "openssl verify", "openssl ts", "openssl pkeyutl", "xmlsec1", "grep")


def unpacked(pack: Path, directory: Path) -> Path:
    """By a tool that everybody has."""
    subprocess.run(["unzip", "-q", pack, "-d", directory], check=True, capture_output=True)
    return directory


def commands(directory: Path) -> list[str]:
    lines = (directory / "README.txt").read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(COMMAND) for line in lines if line.startswith(COMMAND)]


def failing(directory: Path) -> list[str]:
    """The commands of the guide that do not succeed, in a shell as a reader has it."""
    found = []
    for command in commands(directory):
        done = subprocess.run(["bash", "-c", command], cwd=directory, capture_output=True, check=False, timeout=60)
        if done.returncode:
            found.append(f"{command}\n{done.stdout.decode()}{done.stderr.decode()}")
    return found


def wrong(report: Report) -> set[str]:
    return {one.member for one in report.found if one.standing == "wrong"}


def by_claim(report: Report, claim: str) -> set[str]:
    return {one.standing for one in report.found if one.claim == claim}


def test_every_command_of_the_guide_succeeds(full: Told, tmp_path: Path) -> None:
    directory = unpacked(full.pack, tmp_path / "pack")
    written_there = commands(directory)
    assert [tool for tool in TOOLS if not any(tool in one for one in written_there)] == []
    assert failing(directory) == []


def test_the_commands_of_a_pack_without_stamps_and_witnesses_succeed(plain: Told, tmp_path: Path) -> None:
    directory = unpacked(plain.pack, tmp_path / "pack")
    assert failing(directory) == []
    written_there = commands(directory)
    assert not any("openssl ts" in one for one in written_there)
    assert any("openssl ocsp" in one for one in written_there)


def test_the_tools_see_what_was_changed(full: Told, tmp_path: Path) -> None:
    directory = unpacked(full.pack, tmp_path / "pack")
    document = directory / DOCUMENT
    document.write_bytes(document.read_bytes().replace("kế hoạch".encode(), "kế hoặch".encode()))
    failed = "\n".join(failing(directory))
    for tool in ("sha256sum --strict", "xmlsec1 --verify", "grep -rlF"):
        assert tool in failed


def test_with_the_keys_of_the_hub_everything_is_proved(full: Told) -> None:
    report = verify(full.pack, full.trusted)
    assert report.complete, [one for one in report.found if one.standing != "good"]
    claims = {one.claim for one in report.found}
    assert claims >= {
        "signature",
        "revocation",
        "attachment",
        "receipt",
        "leaf",
        "proof",
        "consistency",
        "witness",
        "stamp",
    }


def test_without_keys_it_says_what_only_the_pack_says(full: Told) -> None:
    report = verify(full.pack, Trusted())
    assert report.holds
    assert not report.complete
    for claim in ("seal", "signature", "receipt", "proof", "checkpoint", "witness", "stamp"):
        assert by_claim(report, claim) == {"unproved"}, claim
    assert by_claim(report, "listed") == {"good"}


def test_a_pack_without_stamps_and_witnesses_holds_and_says_what_is_missing(plain: Told) -> None:
    report = verify(plain.pack, plain.trusted)
    assert report.holds
    missing = {one.claim: one.detail for one in report.found if one.standing == "unproved"}
    assert missing == {"witness": "no witness has cosigned", "stamp": "no time stamp yet"}
    pending = next(one for one in members_of(plain.pack) if one.name == "timestamps/PENDING.txt").read().decode()
    assert "pending" in pending


def test_the_octets_are_those_that_were_sent(full: Told) -> None:
    found = {one.name: one for one in members_of(full.pack)}
    assert found[DOCUMENT].read() == full.letter
    (part,) = (one for one in found.values() if one.name.startswith("parts/"))
    assert part.name == "parts/001-so-do--ban-2-.txt"
    assert part.read() == PART
    assert json.loads(found[DECISION].read())["parts"][0]["name"] == "Sơ đồ (bản 2).txt"


def test_one_flipped_bit_in_any_member_is_found_and_the_member_named(full: Told, tmp_path: Path) -> None:
    members = members_of(full.pack)
    assert len(members) > 60
    for place, one in enumerate(members):
        octets = one.read()
        for position in sorted({0, len(octets) // 3, len(octets) - 1}):
            forged: list[Member] = list(members)
            forged[place] = member(one.name, flipped(octets, position))  # its CRC is right again
            report = verify(written(tmp_path / "forged.asice", forged), full.trusted)
            assert one.name in wrong(report), f"{one.name} at {position}: {report.found}"


def test_one_flipped_bit_anywhere_in_the_file_is_found(full: Told, tmp_path: Path) -> None:
    octets = full.pack.read_bytes()
    file = tmp_path / "forged.asice"
    for place in range(0, len(octets), len(octets) // 150):
        file.write_bytes(flipped(octets, place))
        assert not verify(file, Trusted()).holds, place


def test_members_that_go_come_or_change_their_name_are_named(full: Told, tmp_path: Path) -> None:
    file = tmp_path / "forged.asice"
    names = [one.name for one in members_of(full.pack)]
    for name in (*names[1:4], "receipts/02-delivery.settled.jws", "log/checkpoint.txt", ASIC_MANIFEST, SIGNATURE):
        assert name in wrong(verify(written(file, changed(full.pack, {name: None})), Trusted()))
    assert "evil.txt" in wrong(verify(written(file, changed(full.pack, {"evil.txt": b"x"})), Trusted()))
    renamed = [replace(one, name="other.xml") if one.name == DOCUMENT else one for one in members_of(full.pack)]
    assert {"other.xml", DOCUMENT} <= wrong(verify(written(file, renamed), Trusted()))
    swapped = [*members_of(full.pack)]
    swapped[0], swapped[1] = swapped[1], swapped[0]
    assert not verify(written(file, swapped), Trusted()).holds


def test_the_seal_of_somebody_else_is_not_the_hubs(full: Told, tmp_path: Path) -> None:
    forged = sealed_anew(tmp_path / "forged.asice", full.pack, Seal.create("hub", clock.now()), {})
    assert wrong(verify(forged, full.trusted)) == {SIGNATURE}
    assert verify(forged, replace(full.trusted, seal=None)).holds


def first(pack: Path, ending: str) -> Member:
    return next(one for one in members_of(pack) if one.name.endswith(ending))


def forgeries(full: Told, plain: Told) -> dict[str, dict[str, bytes | None]]:
    """What a hub that lies, or whoever has a seal, might do; each with right lists and a right signature."""
    mine = {one.name: one for one in members_of(full.pack)}
    theirs = {one.name: one for one in members_of(plain.pack)}
    settled = "receipts/02-delivery.settled"
    other_key = HubKey(Ed25519PrivateKey.generate())
    acknowledged = json.loads(mine["receipts/01-envelope.accepted.json"].read())
    signed_anew = other_key.sign(acknowledged)
    stamp = first(full.pack, ".tsr").name
    leaf = json.loads(mine["log/01.leaf.json"].read())
    decision = json.loads(mine[DECISION].read())
    decision["decision"]["verified_at"] = "2026-01-01T00:00:00.000000Z"
    return {
        f"{settled}.jws": {f"{settled}.{one}": theirs[f"{settled}.{one}"].read() for one in ("jws", "json")},
        f"{settled}.json": {f"{settled}.json": b"{}"},
        "receipts/01-envelope.accepted.jws": {"receipts/01-envelope.accepted.jws": signed_anew.encode()},
        "log/01.leaf.json": {"log/01.leaf.json": json.dumps(leaf).encode()},
        "log/02.tlog-proof": {"log/02.tlog-proof": mine["log/01.tlog-proof"].read()},
        "log/checkpoint.txt": {"log/checkpoint.txt": theirs["log/checkpoint.txt"].read()},
        stamp: {stamp: flipped(mine[stamp].read(), 400)},
        DOCUMENT: {DOCUMENT: theirs[DOCUMENT].read()},
        "parts/001-so-do--ban-2-.txt": {"parts/001-so-do--ban-2-.txt": b"another drawing"},
        DECISION: {DECISION: json.dumps(decision).encode()},
        "signer/01-signer.cer": {"signer/01-signer.cer": theirs["signer/01-signer.cer"].read()},
        "keys/log-1.pem": {"keys/log-1.pem": theirs["keys/log-1.pem"].read()},
    }


def test_what_does_not_fit_together_is_wrong_however_well_it_is_sealed(full: Told, plain: Told, tmp_path: Path) -> None:
    seal = Seal.create("hub", clock.now())
    trusted = replace(full.trusted, seal=None)
    for name, changes in forgeries(full, plain).items():
        forged = sealed_anew(tmp_path / "forged.asice", full.pack, seal, changes)
        assert name in wrong(verify(forged, trusted)), name
        assert name in wrong(verify(forged, Trusted())), f"{name}, without keys"


def test_what_is_left_out_is_missed_however_well_it_is_sealed(full: Told, tmp_path: Path) -> None:
    seal = Seal.create("hub", clock.now())
    receipts = "receipts/01-envelope.accepted"
    gone = {f"{receipts}.{one}": None for one in ("jws", "json")}
    report = verify(sealed_anew(tmp_path / "1.asice", full.pack, seal, dict(gone)), Trusted())
    assert DECISION in wrong(report)
    consistency = [one.name for one in members_of(full.pack) if one.name.startswith("log/consistency")]
    report = verify(sealed_anew(tmp_path / "2.asice", full.pack, seal, dict.fromkeys(consistency)), Trusted())
    assert "log/checkpoint.txt" in wrong(report)
    leaves = [
        one.name
        for one in members_of(full.pack)
        if one.name.endswith(".leaf.json") and b"envelope.accepted" in one.read() and b"jws_sha256" in one.read()
    ]
    report = verify(sealed_anew(tmp_path / "3.asice", full.pack, seal, dict.fromkeys(leaves)), Trusted())
    assert f"{receipts}.jws" in wrong(report)


def test_keys_of_others_verify_nothing(full: Told, plain: Told) -> None:
    stranger = VerifierKey(full.trusted.log_keys[0].name, ED25519, Ed25519PrivateKey.generate().public_key())
    for trusted, claim in (
        (replace(full.trusted, anchors=plain.trusted.anchors), "signature"),
        (replace(full.trusted, log_keys=(stranger,)), "proof"),
        (replace(full.trusted, jwks=plain.trusted.jwks), "receipt"),
        (replace(full.trusted, tsa_anchors=plain.trusted.anchors), "stamp"),
        (replace(full.trusted, seal=plain.trusted.seal), "seal"),
    ):
        report = verify(full.pack, trusted)
        assert "wrong" in by_claim(report, claim), claim
    other = VerifierKey.parse(full.witness)
    unseen = VerifierKey("witness.test/other", other.kind, Ed25519PrivateKey.generate().public_key())
    assert by_claim(verify(full.pack, replace(full.trusted, witness_keys=(unseen,))), "witness") == {"unproved"}


def test_a_record_that_somebody_made_up_is_wrong_and_never_an_error_of_ours(full: Told, tmp_path: Path) -> None:
    seal, record = Seal.create("hub", clock.now()), json.loads(first(full.pack, DECISION).read())
    needed = ("envelope", "decision", "evidence", "parts", "log", "document")
    made_up: list[object] = [[], {}, "x", 1, {**record, "form": "other"}]
    made_up += [{name: value for name, value in record.items() if name != gone} for gone in needed]
    made_up += [{**record, name: wrong_kind} for name in needed[:4] for wrong_kind in (1, "x", [1])]
    for one in made_up:
        forged = sealed_anew(tmp_path / "forged.asice", full.pack, seal, {DECISION: json.dumps(one).encode()})
        assert not verify(forged, Trusted()).holds, one
    deep = sealed_anew(tmp_path / "deep.asice", full.pack, seal, {DECISION: b"[" * 200_000})
    assert wrong(verify(deep, Trusted())) == {DECISION}
    for empty in ({}, {"keys": []}):
        assert by_claim(verify(full.pack, replace(full.trusted, jwks=empty)), "receipt") == {"wrong"}


def test_a_recipient_gets_its_own_part_and_a_stranger_nothing(full: Told, tmp_path: Path) -> None:
    full.recipient.client.evidence(full.envelope, tmp_path / "own.asice")
    report = verify(tmp_path / "own.asice", full.trusted)
    assert report.holds
    assert not report.facts["complete"]
    assert [one["code"] for one in report.facts["deliveries"]] == [full.recipient.code]
    full.other.client.evidence(full.envelope, tmp_path / "other.asice")
    names = [one.name for one in members_of(tmp_path / "other.asice") if one.name.endswith(".jws")]
    assert names == ["receipts/01-envelope.accepted.jws"]
    stranger = full.world.office()
    with pytest.raises(CallRefused) as refused:
        stranger.client.evidence(full.envelope, tmp_path / "stranger.asice")
    assert (refused.value.status, list(tmp_path.glob("*stranger*"))) == (404, [])


def test_handing_a_pack_out_is_an_entry_that_only_auditors_packs_show(full: Told, tmp_path: Path) -> None:
    manifest = first(full.again(tmp_path / "pack.asice"), ASIC_MANIFEST).sha256
    taken = full.world.log_entries(kind="evidence.taken", envelope=full.envelope)
    assert manifest in [one["detail"]["manifest"] for one in taken]
    full.world.auditor.evidence(full.envelope, tmp_path / "auditor.asice")
    leaves = [one.read() for one in members_of(tmp_path / "auditor.asice") if one.name.endswith(".leaf.json")]
    assert any(b"evidence.taken" in one for one in leaves)
    assert not any(b"evidence.taken" in one.read() for one in members_of(full.pack) if one.name.endswith(".leaf.json"))


def test_the_summary_is_one_page_without_script_that_quotes_nothing_as_markup(full: Told) -> None:
    page = first(full.pack, "summary.html").read().decode()
    assert "Về kế hoạch &lt;2027&gt; &amp; dự án" in page
    assert not re.search(r"<script|<link|<img|src=|url\(|@import", page)
    for shown in ("Sở Nội vụ", "UBND huyện", "Taken by the recipient&#x27;s system", "witness.test/w1", full.envelope):
        assert shown in page
    assert hashlib.sha256(full.letter).hexdigest() in page


def test_other_programs_open_it_as_asic(full: Told) -> None:
    with zipfile.ZipFile(full.pack) as read:
        first_entry = read.infolist()[0]
        assert (first_entry.filename, first_entry.compress_type, first_entry.extra) == ("mimetype", 0, b"")
        assert {"META-INF/manifest.xml", ASIC_MANIFEST, SIGNATURE} <= set(read.namelist())
        assert read.testzip() is None
    assert b"".join(stream(members_of(full.pack))) == full.pack.read_bytes()


def test_the_hubs_keys_are_in_the_pack_as_it_publishes_them(full: Told) -> None:
    published = {one["kid"] for one in full.sender.client.jwks()["keys"]}
    packed = {one["kid"] for one in json.loads(first(full.pack, JWKS).read())["keys"]}
    assert packed == published


def person(full: Told, role: str, agency: str | None) -> httpx.Client:
    """Somebody who logged in."""
    login = f"{role}-{uuid.uuid4().hex[:8]}"
    full.world.ledger.write_now(
        people.add_person, login, "Cán bộ", (role,), hash_password(PASSWORD), agency, clock.now()
    )
    browser = httpx.Client(base_url=full.world.url, headers={"Accept-Language": "en"}, timeout=60)
    assert browser.post("/login", data={"login": login, "password": PASSWORD}).status_code == 303
    return browser


def test_the_button_on_the_letters_page_gives_the_pack_to_its_parties(full: Told, tmp_path: Path) -> None:
    page, action = f"/envelopes/{full.envelope}", f"/envelopes/{full.envelope}/evidence"
    with closing(person(full, "clerk", full.sender.code)) as clerk, closing(person(full, "operator", None)) as operator:
        assert f'action="{action}"' in clerk.get(page).text
        answer = clerk.post(action)
        assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA_TYPE)
        assert int(answer.headers["content-length"]) == len(answer.content)
        (tmp_path / "page.asice").write_bytes(answer.content)
        assert verify(tmp_path / "page.asice", full.trusted).facts["complete"]
        assert f'action="{action}"' not in operator.get(page).text
        assert operator.post(action).status_code == 403
        assert clerk.get(action).status_code == 405
        assert clerk.post(action, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    with (
        closing(person(full, "clerk", full.recipient.code)) as clerk,
        closing(person(full, "auditor", None)) as auditor,
    ):
        for reader, complete in ((clerk, False), (auditor, True)):
            (tmp_path / "page.asice").write_bytes(reader.post(action).content)
            assert verify(tmp_path / "page.asice", full.trusted).facts["complete"] is complete
    stranger = full.world.office()
    with closing(person(full, "clerk", stranger.code)) as clerk:
        assert clerk.post(action).status_code == 404


def keys_in_files(full: Told, directory: Path) -> list[str]:
    """The options of ``verify``, with files of what the reader trusts."""
    trusted = full.trusted
    assert trusted.seal is not None
    assert full.tsa_root is not None
    for name, octets in (
        ("root.pem", full.world.pki.root.certificate_pem),
        ("jwks.json", json.dumps(trusted.jwks).encode()),
        ("seal.pem", trusted.seal.public_bytes(Encoding.PEM)),
        ("log.vkey", trusted.log_keys[0].text.encode()),
    ):
        (directory / name).write_bytes(octets)
    files = {"--anchor": "root.pem", "--hub-key": "jwks.json", "--seal": "seal.pem", "--log-key": "log.vkey"}
    given = [part for option, name in files.items() for part in (option, str(directory / name))]
    return [*given, "--witness-key", full.witness, "--tsa-anchor", str(full.tsa_root)]


def test_the_command_line_fetches_a_pack_and_checks_it(full: Told, tmp_path: Path) -> None:
    profile = profile_of(full.world, full.sender, tmp_path)
    file = tmp_path / "pack.asice"
    fetched = run("evidence", full.envelope, "--out", file, "--as", profile, "--json")
    assert (fetched.code, fetched.json["size"]) == (0, file.stat().st_size)
    app = CliRunner()
    checked = app.invoke(build_app(), ["verify", str(full.pack), *keys_in_files(full, tmp_path), "--json"])
    told = json.loads(checked.output)
    assert (checked.exit_code, told["holds"], told["complete"]) == (0, True, True), checked.output
    said = app.invoke(build_app(), ["verify", str(full.pack)])
    assert said.exit_code == 0
    assert gettext("Nothing is wrong, but not everything is proved: see the lines “unproved”.") in said.output
    file.write_bytes(full.pack.read_bytes().replace(b"Taken by the", b"Taken by thy"))
    told_wrong = app.invoke(build_app(), ["verify", str(file)])
    assert told_wrong.exit_code == 1
    assert "summary.html" in told_wrong.output
