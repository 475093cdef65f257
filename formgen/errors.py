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
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar, Literal

Severity = Literal["error", "review", "warning"]


def raised_at(error: BaseException) -> str:
    """Return where an error was raised: file and line, never a value."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def cause_of(error: BaseException) -> str:
    """Return why something failed, for a person: never a value, nor a name that somebody else has given."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, FormgenError):
        return str(error.values.get("detail", error))
    return f"{type(error).__name__} {raised_at(error)}".strip()


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a document, for a person.

    ``code`` is a rule (R01–R93, T01–T30) or ``format``, ``required``, ``choice``, ``range``;
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
    """Odottamaton virhe: {detail}"""

    exit_code: ClassVar[int] = 1
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, message: str | None = None, /, **values: str | tuple[str, ...]) -> None:
        """Keep the message (the class's docstring when none is given) and its values."""
        self.message = message or (type(self).__doc__ or "")
        self.values: dict[str, Any] = values
        listed = {name: ", ".join(value) if isinstance(value, tuple) else value for name, value in values.items()}
        super().__init__(self.message.format_map(listed) if values else self.message)


class UsageError(FormgenError):
    """Pyyntöä ei voi toteuttaa: {detail}"""

    exit_code = 2
    status = HTTPStatus.BAD_REQUEST


class Unreadable(FormgenError):
    """Tiedostoa ei voi lukea lomakkeena: {detail}"""

    exit_code = 3
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, code: str, message: str | None = None, /, **values: str) -> None:
        """``code`` is one of the reasons of the outside contract, such as ``not_a_form``."""
        super().__init__(message, **values)
        self.code = code


class CutOff(Unreadable):
    """Tiedoston lukeminen keskeytyi: {detail}"""


class OutOfReach(FormgenError):
    """Työtilaa tai palvelua ei tavoiteta: {detail}"""

    exit_code = 5
    status = HTTPStatus.SERVICE_UNAVAILABLE


class Busy(OutOfReach):
    """Hetkellinen häiriö, yritetään uudelleen: {detail}"""


class SandboxUnavailable(Busy):
    """Palautuksia ei lueta: tällä koneella haitallista tiedostoa ei voi estää {what}. Ota käyttöön Landlock ja libseccomp tai käyttäjien nimiavaruudet, tai salli heikompi suojaus: [intake] allow_weak_sandbox = true."""  # noqa: E501
