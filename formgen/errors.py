"""The two kinds of trouble: a Finding is wrong with a document, an exception with the machinery.

    FormgenError            exit 1
    ├── UsageError          exit 2   the request makes no sense
    ├── Unreadable          exit 3   a returned file is no form that can be read
    │   └── CutOff          exit 3   its reader died or took too long: another attempt may do
    └── OutOfReach          exit 5   the workspace or a service cannot be reached
        └── Busy            exit 5   a passing fault of ours: try again, never blame the form
            └── SandboxUnavailable   a foreign file could do harm here: the machine or a setting must change

Messages are Finnish with ``{names}`` for values; `i18n` finds them in the other languages.
"""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar, Literal

from formgen.i18n import N_

Severity = Literal["error", "review", "warning"]


def locate_error(error: BaseException) -> str:
    """Return where an error was raised: file and line, never a value."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def describe_cause(error: BaseException) -> str:
    """Return why something failed, for a person: never a value, nor a name that somebody else has given."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, FormgenError):
        return str(error.values.get("detail", error))
    return f"{type(error).__name__} {locate_error(error)}".strip()


SAVE_AGAIN = N_("Avaa lomake, tallenna se uudelleen ja lähetä se.")


class Reason(StrEnum):
    """Why a returned file is rejected, as the outside contract calls it.

    ``message`` is what is said of the file, unless something says it more closely, and ``advice`` what its
    sender can do; ``can_help`` tells whether the same file may be accepted when it comes again, and ``rule``
    is the code of the finding that stands for the whole file.
    """

    message: str
    advice: str
    can_help: bool
    rule: str

    def __new__(
        cls, code: str, message: str = "", advice: str = "", can_help: bool = False, rule: str = "format"
    ) -> Reason:
        """Make a member that is its code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.message, member.advice, member.can_help, member.rule = message, advice, can_help, rule
        return member

    UNSUPPORTED_TYPE = (
        "unsupported_type",
        N_("Tiedostomuotoa ei tunneta. Lähetä lomake Word- tai PDF-tiedostona."),
        N_("Tallenna lomake Word- tai PDF-tiedostona ja lähetä se uudelleen."),
    )
    EMPTY_FILE = (
        "empty_file",
        N_("Tiedosto on tyhjä."),
        N_("Tallenna lomake uudelleen ja tarkista, että tiedosto avautuu."),
    )
    TOO_LARGE = (
        "too_large",
        N_("Tiedosto on liian suuri luettavaksi."),
        N_("Lähetä vain lomake ilman kuvia ja muita liitteitä."),
    )
    UNREADABLE = (
        "unreadable",
        N_("Tiedosto on vioittunut."),
        SAVE_AGAIN,
    )
    ENCRYPTED = (
        "encrypted",
        N_("Tiedosto on suojattu salasanalla. Poista salasana ja lähetä uudelleen."),
        N_("Poista tiedostosta salasana ja lähetä lomake uudelleen."),
    )
    UNSAFE = (
        "unsafe",
        N_("Tiedoston rakenne ei ole turvallinen."),
        N_("Pyydä yksiköltä uusi lomake ja täytä se ilman makroja ja upotettuja osia."),
    )
    TIMEOUT = (
        "timeout",
        N_("Tiedoston lukeminen kesti liian kauan."),
        SAVE_AGAIN,
        True,
    )
    NOT_A_FORM = (
        "not_a_form",
        N_("Tiedostosta ei löydy lomaketunnusta. Täytä yksiköltä saatu lomake ja lähetä se."),
        N_("Pyydä yksiköltä lomake, täytä se ja lähetä täytetty tiedosto."),
        False,
        "R89",
    )
    UNKNOWN_FORM = ("unknown_form", N_("Lomake on tuntematon."), N_("Pyydä yksiköltä uusi lomake."), False, "R89")
    UNKNOWN_VERSION = (
        "unknown_version",
        N_("Lomakepohjan versio on tuntematon."),
        N_("Pyydä yksiköltä lomakkeen uusi versio."),
        True,
        "R90",
    )
    BAD_IDENTITY = (
        "bad_identity",
        N_("Lomakkeen tunniste ei ole aito. Käytä yksiköltä saatua lomaketta."),
        N_("Pyydä yksiköltä uusi lomake ja täytä se."),
        True,
        "R89",
    )
    UNKNOWN_CASE = (
        "unknown_case",
        N_("Lomakkeesta ei näe, mihin asiaan se kuuluu."),
        N_("Pyydä yksiköltä lomake, joka on tehty tälle asialle."),
        True,
        "R89",
    )
    INVALID_VALUES = (
        "invalid_values",
        N_("Lomakkeessa on korjattavia kohtia."),
        N_("Korjaa merkityt kohdat, tallenna tiedosto ja lähetä se."),
    )
    TRANSITION_NOT_ALLOWED = (
        "transition_not_allowed",
        N_("Lomake ei sovi asian vaiheeseen. Vaihe on nyt: {phase}."),
        N_("Ota yhteyttä työhönvalmentajaan. Lomake ei sovi asian vaiheeseen."),
        True,
    )
    INTERNAL_ERROR = (
        "internal_error",
        N_("Lomakkeen käsittely ei onnistunut. Vika on meillä."),
        N_("Vika on meillä. Ota yhteyttä yksikköön."),
        True,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a document, for a person.

    ``code`` is that of a rule or a move, or ``format``, ``required``, ``choice``, ``range``;
    ``field`` is a path or empty; ``values`` fill the ``{names}`` of the message and never
    hold what stood in a sensitive field. ``waits_for`` names the form whose absence is the
    only fault.
    """

    code: str
    severity: Severity
    field: str
    message: str
    values: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)
    waits_for: str = ""


class FormgenError(Exception):
    """Something is wrong with the machinery, or with what was asked of it; the message fits when no other is given."""

    message: str = N_("Odottamaton virhe: {detail}")
    exit_code: ClassVar[int] = 1
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, message: str | None = None, /, *, remedy: str = "", **values: str | tuple[str, ...]) -> None:
        """Keep the message (the class's docstring when none is given), its values and what mends it.

        The ``remedy`` is a method of `formgen.Workspace` to call first, or a parameter that is missing.
        """
        self.remedy = remedy
        self.message = message or self.message
        self.values: dict[str, Any] = values
        listed = {name: ", ".join(value) if isinstance(value, tuple) else value for name, value in values.items()}
        super().__init__(self.message.format_map(listed) if values else self.message)


class UsageError(FormgenError):
    """The request cannot be carried out as it was made."""

    message: str = N_("Pyyntöä ei voi toteuttaa: {detail}")
    exit_code = 2
    status = HTTPStatus.BAD_REQUEST


class Unreadable(FormgenError):
    """A returned file cannot be read as a form."""

    message: str = N_("Tiedostoa ei voi lukea lomakkeena: {detail}")
    exit_code = 3
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, reason: Reason, message: str | None = None, /, **values: str) -> None:
        """Keep the reason, and what is said of the file where that is more than the reason says."""
        super().__init__(message or reason.message, **values)
        self.code = reason

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it go from one process to another, with all that it was made of."""
        return partial(type(self), self.code, self.message, **self.values), ()


class CutOff(Unreadable):
    """The reader of a file died or took too long."""

    message: str = N_("Tiedoston lukeminen keskeytyi: {detail}")


class OutOfReach(FormgenError):
    """The workspace or a service cannot be reached."""

    message: str = N_("Työtilaa tai palvelua ei tavoiteta: {detail}")
    exit_code = 5
    status = HTTPStatus.SERVICE_UNAVAILABLE


class Busy(OutOfReach):
    """A passing fault of ours: the same may succeed later."""

    message: str = N_("Hetkellinen häiriö, yritetään uudelleen: {detail}")


class SandboxUnavailable(Busy):
    """On this machine a returned file could do harm."""

    message: str = N_(
        "Palautuksia ei lueta: tällä koneella haitallista tiedostoa ei voi estää {what}. Ota käyttöön Landlock ja "
        "libseccomp tai käyttäjien nimiavaruudet, tai salli heikompi suojaus: [intake] allow_weak_sandbox = true."
    )
