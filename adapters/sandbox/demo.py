"""The demo: a PKI, agencies with keys and profiles, and simulated systems at work, around a hub that is given to it.

Directory: ``pki/`` (both authorities, the hub's certificate, anchor and lists), ``profiles/`` (one TOML file, key and
chain per agency), ``books/`` (the simulated offices' books), ``demo.json`` (login and password). Secrets have mode
0600. A second start reads all of it back and makes nothing anew.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from adapters.client import AsyncHubClient, Profile
from adapters.client.profile import write_private
from adapters.sandbox.agencies import ALL, PRACTICE, SIMULATED, TrialAgency
from adapters.sandbox.book import Book
from adapters.sandbox.pki import Identity, Pki
from adapters.sandbox.system import SimulatedSystem, Tempo

LOGIN = "admin"
_ROLES = ("operator", "administrator", "auditor", "reporting")
# beside the one who may do everything: what takes two people can be tried, and what each role sees
COLLEAGUES: tuple[tuple[str, str, str], ...] = (
    ("quantri", "Quản trị viên thử nghiệm", "administrator"),
    ("vanhanh", "Vận hành viên thử nghiệm", "operator"),
    ("kiemtoan", "Kiểm toán viên thử nghiệm", "auditor"),
    ("baocao", "Cán bộ báo cáo thử nghiệm", "reporting"),
    ("vanthu", "Văn thư thử nghiệm", "clerk"),
)


class Registrar(Protocol):
    """What the demo asks of a hub's registry: all of it in one transaction, so that a start is whole or is not."""

    def knows(self, code: str) -> bool:
        """Whether this agency is registered."""

    def add_anchor(self, certificate_pem: bytes, crls_pem: bytes) -> None:
        """Trust one root; ``crls_pem`` holds the lists of both authorities, one PEM after the other."""

    def add_system(self, name: str) -> tuple[str, str]:
        """Register a document system that pulls; returns client id and secret."""

    def add_agency(
        self, code: str, name: str, *, system: str, parent: str | None, aliases: Sequence[str], certificate_pem: bytes
    ) -> None:
        """Register an agency served by ``system``, with its certificate."""

    def add_person(self, login: str, name: str, roles: Sequence[str], agency: str | None = None) -> str:
        """Register a person; returns the password."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A prepared demo: everything is registered, nobody works yet."""

    directory: Path
    url: str
    login: str
    password: str
    colleagues: dict[str, str]  # password by login

    @property
    def practice(self) -> tuple[Path, Path]:
        """Profiles of the two agencies that no simulator serves."""
        first, second = (profile_file(self.directory, agency) for agency in PRACTICE)
        return first, second

    def profile(self, agency: TrialAgency) -> Profile:
        return Profile.load(profile_file(self.directory, agency))

    async def access_token(self) -> str:
        """A fresh bearer token of the first practice agency's system."""
        async with self.profile(PRACTICE[0]).async_client() as client:
            return await client.access_token()

    async def run(self, *, seed: str = "lien-thong", letter_every: float = 2.5, office: float = 1.0) -> None:
        """Let the simulated systems work until cancelled; about one letter every ``letter_every`` seconds in all."""
        async with AsyncExitStack() as stack:
            systems = []
            for name in dict.fromkeys(agency.system for agency in SIMULATED):
                offices = tuple(agency for agency in SIMULATED if agency.system == name)
                client = await stack.enter_async_context(self.profile(offices[0]).async_client())
                every = letter_every * len(SIMULATED) / len(offices)
                # short polls: a hub that is stopped waits for the requests it is answering
                tempo = Tempo(letter_every=every, office=office, poll=2)
                systems.append(self._system(name, offices, client, f"{seed}/{name}", tempo))
            async with asyncio.TaskGroup() as work:
                for system in systems:
                    work.create_task(system.run())

    def _system(
        self, name: str, offices: tuple[TrialAgency, ...], client: AsyncHubClient, seed: str, tempo: Tempo
    ) -> SimulatedSystem:
        signers = {agency.code: (agency, self.profile(agency).signer()) for agency in offices}
        book = Book.open(self.directory / "books" / f"{name}.json")
        return SimulatedSystem(client, signers, SIMULATED, book, seed=seed, tempo=tempo)


def profile_file(directory: Path, agency: TrialAgency) -> Path:
    return directory / "profiles" / f"{agency.code}.toml"


def prepare(directory: Path, url: str, registrar: Registrar, log_keys: tuple[str, ...] = ()) -> Demo:
    """Make everything on the first start in ``directory``, read it back on a later one.

    ``log_keys``: verifier keys of the hub's log, for the profiles: who runs the demo has them from the hub's own disk.

    To be called inside one transaction of the registry. The files are written before it commits: a start that was cut
    off leaves a registry that knows nothing, and the next one makes everything again.
    """
    access = directory / "demo.json"
    if not (access.exists() and registrar.knows(ALL[0].code)):
        passwords = _make(directory, url, registrar)
        mine = passwords.pop(LOGIN)
        write_private(access, json.dumps({"login": LOGIN, "password": mine, "colleagues": passwords}).encode())
    kept = json.loads(access.read_text(encoding="utf-8"))
    for agency in ALL:
        file = profile_file(directory, agency)
        profile = Profile.load(file)
        if (profile.hub, profile.log_keys) != (url, log_keys):
            replace(profile, hub=url, log_keys=log_keys).save(file)
    return Demo(directory, url, kept["login"], kept["password"], kept.get("colleagues", {}))


def _make(directory: Path, url: str, registrar: Registrar) -> dict[str, str]:
    """Passwords by login."""
    pki = Pki.create()
    _keep_pki(directory / "pki", pki)
    registrar.add_anchor(pki.anchor_pem, pki.crls_pem)
    credentials: dict[str, tuple[str, str]] = {}
    for agency in ALL:
        if agency.system not in credentials:
            credentials[agency.system] = registrar.add_system(agency.system)
        identity = pki.issue(agency.code, agency.name)
        registrar.add_agency(
            agency.code,
            agency.name,
            system=agency.system,
            parent=agency.parent,
            aliases=(agency.alias,),
            certificate_pem=identity.certificate_pem,
        )
        _keep_profile(directory, url, agency, identity, credentials[agency.system])
    passwords = {LOGIN: registrar.add_person(LOGIN, "Quản trị thử nghiệm", _ROLES)}
    for login, name, role in COLLEAGUES:
        office = SIMULATED[-1].code if role == "clerk" else None
        passwords[login] = registrar.add_person(login, name, (role,), office)
    return passwords


def _keep_pki(directory: Path, pki: Pki) -> None:
    hub = pki.issue("HUB", "Trục liên thông thử nghiệm")
    files = {**pki.pem_files(), "anchor": pki.anchor_pem, "lists": pki.crls_pem}
    files |= {"hub_key": hub.key_pem, "hub": hub.chain_pem}
    for name, content in files.items():
        write_private(directory / f"{name}.pem", content)


def _keep_profile(
    directory: Path, url: str, agency: TrialAgency, identity: Identity, credentials: tuple[str, str]
) -> None:
    file = profile_file(directory, agency)
    key, certificates = (file.parent / f"{agency.code}.key.pem", file.parent / f"{agency.code}.chain.pem")
    write_private(key, identity.key_pem)
    write_private(certificates, identity.chain_pem)
    Profile(
        hub=url,
        client_id=credentials[0],
        client_secret=credentials[1],
        agency=agency.code,
        name=agency.name,
        key=key,
        certificates=certificates,
    ).save(file)
