"""What a submission is of what came before it: five ways to come again, each with its own sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from formgen.forms.registry import Registry
from formgen.i18n import N_, translate
from formgen.intake.answers import find_corrected_record
from formgen.intake.outcomes import Accepted, Duplicate, Outcome
from formgen.storage.journal import Journal
from formgen.storage.rows import IssuedDocument, StoredRecord, Submission

LATEST = "~"  # comes after every id
SENTENCES = {
    "same_file": N_("Sama tiedosto on jo tullut. Sitä ei käsitelty uudelleen."),
    "same_answers": N_("Samat vastaukset on jo tallennettu tästä lomakkeesta. Uutta tietuetta ei tehty."),
    "correction": N_("Tämä korjaa aiemmin hyväksyttyä lomaketta. Uusi tietue tulee aiemman tilalle."),
    "next_round": N_("Samasta lomakkeesta on jo aiempi kierros. Tämä on seuraava, ja aiempikin säilyy."),
    "other_case": N_("Tiedosto kuuluu toiseen asiaan. Tehkää tälle asialle oma lomake."),
}


def predict_repeat(decision: Outcome, first: Submission | None) -> Repeat | None:
    """Tell how a file that is only read would come again; ``first`` is the earlier submission of its bytes, if any."""
    about = decision.about
    if first:
        return Repeat("same_file", first.submission_id)
    if isinstance(decision, Duplicate):
        return Repeat("same_answers", decision.first_id)
    if about and about.is_of_another_case:
        return Repeat("other_case", about.earlier[0].submission_id if about.earlier else None)
    if not isinstance(decision, Accepted):
        return None
    if find_corrected_record(decision.about):
        return Repeat("correction", decision.about.earlier[-1].submission_id if decision.about.earlier else None)
    return Repeat("next_round") if decision.about.case.list_current_records(decision.about.form.id) else None


def find_repeat(journal: Journal, registry: Registry, row: Submission) -> Repeat | None:
    """Tell how a settled submission came again."""
    if row.outcome == "duplicate" and row.first_id:
        same = journal.get_submission(row.first_id).sha256 == row.sha256
        return Repeat("same_file" if same else "same_answers", row.first_id)
    issued = journal.find_issued_document(row.instance_id) if row.instance_id else None
    own = (issued.corrects if issued else None) or row.instance_id or ""
    earlier = [known for known in journal.find_instance_records(own) if known.record_id < (row.record_id or LATEST)]
    if row.outcome != "accepted":
        return Repeat("other_case") if is_of_another_case(journal, row, issued, earlier) else None
    if before := [known for known in earlier if known.case_id == row.case_id]:
        return Repeat("correction", before[-1].submission_id)
    record = journal.find_record(row.record_id)
    if record and record.supersedes and registry.find_latest_version(record.form).single:
        corrects = journal.find_record(record.supersedes)
        return Repeat("correction", corrects.submission_id if corrects else None)
    known = journal.find_submissions(case_id=row.case_id, form=row.form, outcome="accepted")
    return Repeat("next_round") if any((other.record_id or "") < (row.record_id or "") for other in known) else None


def is_of_another_case(
    journal: Journal, row: Submission, issued: IssuedDocument | None, earlier: list[StoredRecord]
) -> bool:
    """Tell whether a document says it is of another case than the one that it was made for or accepted in."""
    own = (issued.made_for if issued else "") or (earlier[-1].case_id if earlier else "")
    found = journal.find_extraction(row.submission_id) if own else None
    return found is not None and found.claimed_case not in ("", own)


@dataclass(frozen=True)
class Repeat:
    """How a submission comes again: a key of `SENTENCES`, and the submission that came before it where it is one."""

    kind: str
    first: str | None = None

    def to_dict(self, language: str) -> Mapping[str, str | None]:
        """Return it as it is shown outside, with its sentence."""
        return {"kind": self.kind, "message": translate(SENTENCES[self.kind], language), "first": self.first}
