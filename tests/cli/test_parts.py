"""Files beside the document, from the command line to the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.client import Profile
from adapters.client.profile import write_private
from hub.cli.options import BESIDE_FROM
from tests.cli.command import lienthong
from tests.world import Office, World, eventually


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("parts")) as built:
        built.start("up")
        yield built


def profile_of(world: World, office: Office, directory: Path) -> Path:
    key, chain = directory / f"{office.code}.key", directory / f"{office.code}.pem"
    write_private(key, office.identity.key_pem)
    write_private(chain, office.identity.chain_pem)
    file = directory / f"{office.code}.toml"
    Profile(
        world.url, office.client_id, office.secret, office.code, office.identity.name, key, chain, language="en"
    ).save(file)
    return file


@pytest.mark.parametrize(
    ("options", "length", "form"),
    [
        ([], 2000, "inline"),
        ([], BESIDE_FROM, "related"),
        (["--parts"], 2000, "related"),
        (["--no-parts"], BESIDE_FROM, "inline"),
    ],
)
def test_files_arrive_as_they_were_sent_whichever_form_they_travel_in(
    world: World, tmp_path: Path, options: list[str], length: int, form: str
) -> None:
    sender, recipient = world.office(), world.office()
    file = tmp_path / "Phụ lục.txt"
    file.write_bytes((b"Mot trang\n" * (length // 10 + 1))[:length])
    sent = lienthong(
        "send", file, "--to", recipient.code, *options, "--as", profile_of(world, sender, tmp_path), "--json"
    )
    assert sent.code == 0, sent.err
    eventually(lambda: world.log_entries(envelope=sent.json["id"], kind="delivery.ready"))
    mine = profile_of(world, recipient, tmp_path)
    taken = lienthong("inbox", "--take", tmp_path / "nhan", "--as", mine, "--json")
    assert taken.code == 0, taken.err
    (delivery,) = json.loads(taken.out)
    assert delivery["form"] == form
    envelope, document = map(Path, delivery["files"])
    assert (envelope.name, document.name) == ("envelope.edxml", "Phụ lục.txt")
    assert document.read_bytes() == file.read_bytes()
    assert sorted(one.name for one in envelope.parent.iterdir()) == [document.name, envelope.name]


def test_a_system_that_takes_documents_whole_only_is_registered_so_and_shown(world: World) -> None:
    data = world.settings.data_dir
    added = lienthong("system", "add", "hệ thống cũ", "--inline-only", "--data", data, "--json")
    assert added.code == 0, added.err
    systems = {one["name"]: one["inline_only"] for one in lienthong("system", "list", "--data", data, "--json").json}
    assert systems["hệ thống cũ"] is True
    assert not any(inline_only for name, inline_only in systems.items() if name != "hệ thống cũ")
