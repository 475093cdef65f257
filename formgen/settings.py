"""The workspace: its folders and its settings."""

from __future__ import annotations

import os
import ssl
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from formgen import encryption, files
from formgen.encryption import NO_ENCRYPTION, Encryptor
from formgen.errors import OutOfReach, UsageError
from formgen.i18n import N_
from formgen.process import Process, read_process

HERE = Path(__file__).parent
KEY_VARIABLE = "FORMGEN_ENCRYPTION__KEY"
CONTENT_MODE = 0o644  # settings, forms and templates: everybody may read them, nobody else write them
INBOX_MODE = 0o660  # a new inbox: the service's group may drop files into it, others not even see their names
PACKAGED = HERE / "content" if (HERE / "content").is_dir() else HERE.parent


class Limits(BaseModel):
    """Time limits and other practice of the unit; the content declares them, every one a setting."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Coach(BaseModel):
    """One coach of the unit: what is printed of them, and their full-time equivalent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str = "Työhönvalmentaja"
    phone: str = ""
    email: str = ""
    fte: float = 1.0


class Intake(BaseModel):
    """How the inbox is watched and how long a submission is tried or may wait; times in seconds.

    ``readers`` is how many files are read at once, 0 for as many as there are cores; ``ignore`` are
    patterns of names, besides the usual ones, that are no submissions, a folder's with a slash at its end.
    Files are read also where they cannot be kept from doing harm when ``allow_weak_sandbox``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    quiet: float = 1.0
    rescan: float = 5.0
    incomplete: float = 30.0
    empty: float = 600.0
    attempts: int = 3
    readers: int = 0
    waiting_days: int = 14
    max_bytes: int = 20_000_000
    cpu_seconds: int = 20
    wall_seconds: float = 60.0
    memory_bytes: int = 1_500_000_000
    allow_weak_sandbox: bool = False
    status_file: bool = False
    ignore: tuple[str, ...] = ()


class Signatures(BaseModel):
    """Whose electronic signatures are trusted: files of certificates, PEM or DER, below the workspace."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    roots: tuple[str, ...] = ()


class Files(BaseModel):
    """Who may read what is written to the outbox: the mode of its files, octal; folders follow from it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: str = Field(default="0640", pattern=r"^0?6[046][04]$")

    @property
    def bits(self) -> int:
        """The mode as a number."""
        return int(self.mode, 8)


class Encryption(BaseModel):
    """The key that seals what is kept in ``var/``: 32 bytes in base64, in a file or the environment, never here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key_file: str = ""
    key: SecretStr = SecretStr("")


class Access(BaseModel):
    """Where the end of the access log is noted: a file, best where who can write ``var/`` cannot; empty for there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    head_file: str = ""


class Office(BaseSettings):
    """The settings in ``formgen.toml``; every one has a default and may come as FORMGEN_….

    The content derives its own model from this one, which adds what only its forms ask for.
    """

    model_config = SettingsConfigDict(env_prefix="FORMGEN_", env_nested_delimiter="__", extra="forbid", frozen=True)
    file: ClassVar[Path | None] = None

    organiser: str = "Esimerkkilän hyvinvointialue"
    provider: str = ""
    author: str = "Työhönvalmennuksen tiimi"
    case_prefix: str = "PK"
    language: str = "fi"
    service_area: tuple[str, ...] = ()
    guidance: str = ""
    privacy: str = N_(
        "Lomakkeen tiedot ovat salassa pidettäviä. Rekisterinpitäjä on palvelun järjestäjä. "
        "Tietosuojaselosteen ja tiedot oikeuksistasi saat työhönvalmentajalta."
    )
    coaches: tuple[Coach, ...] = ()
    leave_out: dict[str, tuple[str, ...]] = {}
    receipts: bool = False
    limits: Limits = Limits()
    intake: Intake = Intake()
    signatures: Signatures = Signatures()
    files: Files = Files()
    encryption: Encryption = Encryption()
    access: Access = Access()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings hands it over
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings hands it over
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given, then the environment, then the office's file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, cls.file)

    def find_coach(self, name: str) -> Coach:
        """Find a coach by name; one that the settings do not know has a name only."""
        return next((coach for coach in self.coaches if coach.name == name), Coach(name=name))


@dataclass(frozen=True)
class WorkspaceFolder:
    """The folder of a workspace: where everything in it lies, and its settings."""

    root: Path

    @property
    def inbox(self) -> Path:
        """The folder where submissions arrive."""
        return self.root / "inbox"

    @property
    def outbox(self) -> Path:
        """The folder that other systems read."""
        return self.root / "outbox"

    @property
    def var(self) -> Path:
        """The private folder."""
        return self.root / "var"

    @property
    def pictures(self) -> Path:
        """The folder of pictures of the submissions in review, a folder for each."""
        return self.var / "pictures"

    @property
    def originals(self) -> Path:
        """The folder of returned files by sha256."""
        return self.var / "originals"

    def list_content_folders(self, kind: str) -> tuple[Path, ...]:
        """List the folders of ``schemas`` or ``templates``, the office's before the packaged one."""
        folders = [self.root / kind, PACKAGED / kind]
        return tuple(dict.fromkeys(folder.resolve() for folder in folders if folder.is_dir()))

    def list_schema_folders(self) -> tuple[Path, ...]:
        """Return the folders of ``schemas`` that hold any."""
        return tuple(folder for folder in self.list_content_folders("schemas") if any(folder.glob("*.py")))

    @cached_property
    def process(self) -> Process:
        """Return the process that the content declares; raise `OutOfReach` when the content is not ours alone."""
        folders = self.list_schema_folders()
        files.check_write_access(place for folder in folders for place in files.iter_tree(folder))
        return read_process(folders)

    @cached_property
    def office(self) -> Office:
        """The settings; raise `UsageError` when the file is wrong, `OutOfReach` when it is not ours alone."""
        file = self.root / "formgen.toml"
        if file.is_file():
            files.check_write_access([file])
        source = type(
            "OfficeFile", (self.process.office,), {"file": file if file.is_file() else None, "__annotations__": {}}
        )
        try:
            office: Office = source()
        except (ValidationError, SettingsError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(
                "Asetustiedosto formgen.toml ei kelpaa: {detail}", detail=summarise_error(error)
            ) from error
        return office

    @property
    def head(self) -> Path | None:
        """The file where the end of the access log is noted, None for the one beside the log."""
        given = self.office.access.head_file
        return self.root / given if given else None

    @cached_property
    def roots(self) -> tuple[bytes, ...]:
        """The certificates that are trusted, as PEM or DER.

        Raise `UsageError` for a file that is none, `OutOfReach` for one that is not ours alone.
        """
        places = [self.root / name for name in self.office.signatures.roots]
        files.check_write_access(places)
        return tuple(read_certificate(place) for place in places)

    @cached_property
    def encryptor(self) -> Encryptor:
        """The encryptor of the private folder that the settings ask for; raise `UsageError` for a bad key."""
        given = self.office.encryption
        if given.key.get_secret_value():
            if KEY_VARIABLE not in {name.upper() for name in os.environ}:
                raise UsageError("Salausavain ei saa olla työtilassa, siis ei myöskään asetustiedostossa.")
            return encryption.build_encryptor(given.key.get_secret_value())
        return encryption.load_encryptor(self.root / given.key_file, self.root) if given.key_file else NO_ENCRYPTION

    def make_folders(self) -> WorkspaceFolder:
        """Make the folders that are missing; raise `OutOfReach` when that cannot be."""
        try:
            for folder in (self.root / "templates" / "forms", self.root / "schemas"):
                files.make_folder(folder, CONTENT_MODE)
            if not self.inbox.exists():
                files.make_folder(self.inbox, INBOX_MODE)
            files.make_folder(self.outbox, self.office.files.bits)
            for folder in (self.var, self.originals, self.var / "work", self.var / "keys"):
                files.make_folder(folder, files.PRIVATE)
            self.var.chmod(0o700)
        except OSError as error:
            raise OutOfReach(detail=f"{self.root}: {error.strerror}") from error
        return self


def summarise_error(error: Exception) -> str:
    """Summarise an error in one line without any value from the file."""
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_input=False)
        )
    return str(error).splitlines()[0]


def read_certificate(file: Path) -> bytes:
    """Read a file of certificates; raise `UsageError` when it holds none."""
    try:
        data = file.read_bytes()
        text = data.decode("ascii") if data.startswith(b"-----") else data
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (OSError, ValueError) as error:
        raise UsageError("Luotettua varmennetta {file} ei voi lukea.", file=file.name) from error
    return data


Settings = dict[str, Any]
