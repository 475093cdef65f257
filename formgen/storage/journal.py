"""The journal of a workspace: all that its database holds, one class a table.

What is accepted is never changed or deleted; a case is its steps.
"""

from __future__ import annotations

from formgen.storage.cases import CaseTable
from formgen.storage.documents import DocumentTable
from formgen.storage.events import EventTable
from formgen.storage.extractions import ExtractionTable
from formgen.storage.problems import ProblemTable
from formgen.storage.records import RecordTable
from formgen.storage.signing_keys import SigningKeyTable
from formgen.storage.submissions import SubmissionTable


class Journal(
    SubmissionTable, ExtractionTable, DocumentTable, CaseTable, RecordTable, EventTable, ProblemTable, SigningKeyTable
):
    """The journal of one workspace, in the hands of one actor."""
