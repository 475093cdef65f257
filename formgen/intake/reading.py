"""What stands in a file: read in the sandbox, once where the file says what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from formgen import formats
from formgen.documents.extraction import (
    Extraction,
    FormSpec,
    confirm_given,
)
from formgen.errors import FormgenError
from formgen.formats.protocol import FormSpecs
from formgen.forms.form import Form
from formgen.forms.registry import Registry, find_template
from formgen.intake.identify import list_questions
from formgen.issuing.correction import build_extraction
from formgen.sandbox import reader_pool
from formgen.settings import WorkspaceFolder
from formgen.storage.journal import Journal


@dataclass(frozen=True)
class DocumentReader:
    """Where files are read: with the forms, the layouts and the settings of one workspace."""

    workspace: WorkspaceFolder
    journal: Journal
    registry: Registry

    def read_document(self, data: bytes) -> Extraction:
        """Read what stands in a file, in the sandbox; raise `Unreadable`.

        It is opened once. A file in which no field was found is opened a second time when it names its form in a
        way that only we can look up: by the one bookmark that its program has left of our tokens, or by the codes
        on its printed pages, which lead to the layout that it was drawn from. A reader is told neither before.
        """
        specs, limits = self.build_form_specs(), self.workspace.office.intake
        found = reader_pool.read(data, specs, limits)
        if found.answers:
            return found
        if (named := self.find_bookmarked_form(found)) in specs:
            return reader_pool.read(data, {named: specs[named]}, limits)
        if drawn := self.find_spec_with_layout(found, specs):
            spec, given = drawn
            return confirm_given(reader_pool.read(data, spec, limits), given)
        return found

    def find_bookmarked_form(self, found: Extraction) -> tuple[str, str]:
        """Find form and version of what was issued as the only instance that a file without tokens names."""
        bare = list(found.tokens) == ["bookmark"] and len(found.tokens["bookmark"]) == 1
        issued = self.journal.find_issued_document(str(UUID(found.tokens["bookmark"][0]))) if bare else None
        return (issued.form, issued.version) if issued else ("", "")

    def find_spec_with_layout(self, found: Extraction, specs: FormSpecs) -> tuple[FormSpecs, Mapping[str, str]] | None:
        """Find the form spec with the layout that the codes on the pages of a file name, if there is one.

        With it comes what the document went out with, by path, which no reader is told.
        """
        keys = self.journal.keys
        marks = [mark for token in found.tokens.get("qr", ()) if (mark := keys.verify_page_mark(token))]
        for mark in marks[:1]:
            name = (mark.identity.form, mark.identity.version)
            layout = formats.load_formats()[found.reader].load_layout(
                mark.layout, self.workspace.var / "layouts", self.journal
            )
            issued = self.journal.find_issued_document(str(mark.identity.instance))
            if layout and name in specs:
                stands = build_extraction(self.registry.forms[name[0]][name[1]], issued).answers if issued else {}
                given = {path: answer.text for path, answer in stands.items() if answer.text}
                return {name: specs[name]._replace(layout=layout, issued_answers=frozenset(given))}, given
        return None

    def build_form_specs(self) -> FormSpecs:
        """Build what the readers may look for: the questions and printed text of every form."""
        roots = self.workspace.roots
        return {
            (form.id, version): FormSpec(list_questions(form), self.read_template_text(form), roots)
            for versions in self.registry.forms.values()
            for version, form in versions.items()
        }

    def read_template_text(self, form: type[Form]) -> frozenset[str]:
        """Read the text that the office's template prints around the fields."""
        office = self.workspace.office
        words = {
            "organiser": office.organiser,
            "privacy": office.privacy,
            "guidance": office.guidance,
            "about": form.about,
            "form_title": form.title,
        }
        try:
            return formats.get_templates().load_printed_lines(find_template(self.workspace, form), words)
        except FormgenError:
            return frozenset()
