"""The forms there are: reads ``schemas/`` once, as one package, the office's files before the packaged ones."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from formgen import files, formats
from formgen.errors import UsageError
from formgen.forms.form import Form
from formgen.forms.rules import Rule
from formgen.process import Process, import_content, read_process
from formgen.settings import WorkspaceFolder


@dataclass(frozen=True)
class Registry:
    """All forms by id, each with its versions, oldest first, and the process that they are of."""

    forms: dict[str, dict[str, type[Form]]]
    process: Process

    def __iter__(self) -> Iterator[type[Form]]:
        """Yield the newest version of every form, in the order of the process."""
        for versions in self.forms.values():
            yield list(versions.values())[-1]

    @property
    def ids(self) -> frozenset[str]:
        """Return the ids of all forms."""
        return frozenset(self.forms)

    def find_latest_version(self, form: str) -> type[Form]:
        """Return the newest version of a form; raise `UsageError` for one that there is not."""
        if form not in self.forms:
            raise UsageError("Lomaketta {form} ei ole. Lomakkeet: {forms}.", form=form, forms=", ".join(self.forms))
        return list(self.forms[form].values())[-1]

    def iter_pending_rules(self) -> Iterator[tuple[str, Rule]]:
        """Yield form id and rule for every rule that waits for a form that does not exist yet."""
        for form in self:
            for declared in form.rules:
                if set(declared.needs) - self.ids:
                    yield form.id, declared


def load_forms(workspace: WorkspaceFolder) -> Registry:
    """Return the forms of a workspace; raise `OutOfReach` when they, or their templates, are not ours alone."""
    for kind in ("schemas", "templates"):
        files.check_write_access(
            place for folder in workspace.list_content_folders(kind) for place in files.iter_tree(folder)
        )
    return read_forms(workspace.list_schema_folders())


@cache
def read_forms(folders: tuple[Path, ...]) -> Registry:
    """Return the forms in the folders, a file in an earlier folder hiding its namesake in a later one."""
    package = import_content(folders)
    names = sorted({file.stem for folder in folders for file in folder.glob("[a-z]*.py")})
    found: dict[str, dict[str, type[Form]]] = {}
    for name in names:
        for thing in vars(importlib.import_module(f"{package}.{name}")).values():
            if (
                isinstance(thing, type)
                and issubclass(thing, Form)
                and thing.__module__ == f"{package}.{name}"
                and "id" in vars(thing)
            ):
                found.setdefault(thing.id, {})[thing.version] = thing
    ordered = sorted(found.values(), key=lambda versions: next(iter(versions.values())).number)
    forms = {next(iter(item.values())).id: dict(sorted(item.items(), key=parse_version)) for item in ordered}
    return Registry(forms, read_process(folders))


def parse_version(item: tuple[str, type[Form]]) -> list[int]:
    """Return the numbers of a version: 2026.10 comes after 2026.9."""
    return [int(part) for part in item[0].split(".") if part]


def find_template(workspace: WorkspaceFolder, form: type[Form]) -> Path:
    """Return the office's template of a form, else the packaged one; raise `UsageError`."""
    for folder in workspace.list_content_folders("templates"):
        file = folder / "forms" / f"{form.id}{formats.get_templates().ending}"
        if file.is_file():
            files.check_write_access([file])
            return file
    raise UsageError("Lomakkeelta {form} puuttuu pohja. Tee se ensin.", remedy="build_template", form=form.id)
