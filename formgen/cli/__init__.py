"""The command line: one module a group of commands, one function a command, each module loaded when it is asked for.

Answers go to standard output; messages and progress go to standard error.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from formgen import __version__
from formgen.cli.console import SYSTEM_LANGUAGE, GlobalOptions, LogFormat, TolerantStream, _, describe_error, err, out
from formgen.errors import FormgenError, locate_error

COMMANDS = {  # the module of each command and what it does, in the order of the work
    "init": ("workspace", _("Tee työtila kansioon.")),
    "demo": ("workspace", _("Tee työtila, jossa kolme esimerkkiasiaa kulkee koko polun.")),
    "simulate": (
        "simulation",
        _("Tee työtila, jossa yksikön keksitty vuosi kulkee oikeaa polkua. Samasta siemenestä tulee sama vuosi."),
    ),
    "generate": ("documents", _("Tee esitäytetty lomake.")),
    "read": ("documents", _("Lue ja tarkista palautus, mutta älä tallenna mitään.")),
    "submit": ("documents", _("Käsittele palautus kuten inbox-kansiosta.")),
    "watch": ("daemon", _("Vahdi inbox-kansiota ja käsittele palautukset.")),
    "status": ("workspace", _("Näytä jono, määrät ja ongelmat.")),
    "review": ("review", _("Palautukset, jotka odottavat ihmistä tai toista lomaketta.")),
    "cases": ("cases", _("Asiakkaiden asiat.")),
    "process": ("process", _("Näytä asian vaiheet ja siirtymät.")),
    "archive": ("documents", _("Tee tietueesta arkistokappale: PDF/A, jossa tietue on liitteenä.")),
    "forms": ("forms", _("Lomakkeet, jotka on määritelty.")),
    "templates": ("templates", _("Lomakepohjat.")),
    "schemas": ("workspace", _("Kirjoita lomakkeiden JSON-skeemat.")),
    "errors": ("errors", _("Näytä virhekoodit: mitä ne tarkoittavat ja mitä tehdä.")),
    "access": ("access", _("Käyttöloki: kuka on katsonut tai muuttanut mitä.")),
    "verify": (
        "access",
        _("Tarkista, että loki, alkuperäiset, tietueet ja tapahtumaluettelo ovat sellaisina kuin ne kirjoitettiin."),
    ),
    "keys": ("access", _("Avaimet, joilla lomakkeet allekirjoitetaan.")),
    "encrypt": (
        "encryption",
        _(
            "Salaa säilytetyt tiedostot ja tietokannan sisältö asetusten avaimella, vaihda avain tai pura salaus, "
            "kun asetuksissa ei ole avainta."
        ),
    ),
}
ALLOCATIONS = 200_000  # after which garbage is looked for: a start makes many objects, and all of them stay


class Commands(TyperGroup):
    """All commands: their names and what they do are known; a module is loaded with the command that runs."""

    def list_commands(self, ctx: Any) -> list[str]:
        """List the names of the commands in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load a command from its module."""
        if cmd_name not in COMMANDS:
            return None
        name, does = COMMANDS[cmd_name]
        module = importlib.import_module(f"{__name__}.{name}")
        group = typer.main.get_group(module.app)
        found = group if module.app.info.name == cmd_name else group.commands[cmd_name]
        found.help = does
        return found

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, does) for name, (_module, does) in COMMANDS.items()])


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=_("Lomakkeet ulos, takaisin ja tietueiksi."),
)


def print_version(wanted: bool) -> None:
    """Print the version and end, before a command is asked for."""
    if wanted:
        out.print(f"formgen {__version__}")
        raise typer.Exit


@app.callback()
def store_options(
    context: typer.Context,
    workspace: Annotated[
        Path | None, typer.Option("--workspace", envvar="FORMGEN_WORKSPACE", help=_("Työtilan kansio."), metavar="DIR")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=_("Vastaus yhtenä JSON-asiakirjana."))] = False,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", envvar="FORMGEN_LOG", help=_("Lokin muoto: console tai json."))
    ] = LogFormat.CONSOLE,
    lang: Annotated[str, typer.Option("--lang", help=_("Viestien kieli: fi, sv tai en."))] = "",
    _version: Annotated[
        bool, typer.Option("--version", help=_("Näytä versio."), is_eager=True, callback=print_version)
    ] = False,
) -> None:
    """Take the options that go before the command."""
    asked = context.obj = context.obj or GlobalOptions(Path())
    asked.root = (workspace or Path.cwd()).resolve()
    asked.as_json, asked.log_format = as_json, log_format
    asked.lang, asked.language = lang, lang or SYSTEM_LANGUAGE


def main() -> None:
    """Run the command line; a `FormgenError` becomes a sentence and its exit code, any other the place it was raised.

    ``--json`` may stand anywhere on the line.
    """
    before = gc.get_threshold()
    gc.set_threshold(ALLOCATIONS)
    atexit.register(gc.freeze)  # what is thrown away as a whole is not searched for garbage first
    sys.stderr = TolerantStream(sys.stderr)
    arguments = [argument for argument in sys.argv[1:] if argument != "--json"]
    asked = GlobalOptions(Path())
    try:
        app(["--json", *arguments] if len(arguments) < len(sys.argv) - 1 else arguments, obj=asked)
    except FormgenError as error:
        err.print(describe_error(error, asked.language))
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the text of a foreign error may hold what stood in a field
        where = f"{type(error).__name__} {locate_error(error)}"
        err.print(describe_error(FormgenError(detail=where), asked.language))
        sys.exit(FormgenError.exit_code)
    finally:
        gc.set_threshold(*before)
