"""What a return is of what came before it: five ways to come again, each with its own sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from formgen.forms.registry import Registry
from formgen.i18n import N_, translate
from formgen.intake.decide import ELSEWHERE, OTHER_CASE, Verdict, find_corrected_record
from formgen.storage.journal import Journal, Row

SENTENCES = {
    "same_file": N_("Sama tiedosto on jo tullut. Sitä ei käsitelty uudelleen."),
    "same_answers": N_("Samat vastaukset on jo tallennettu tästä lomakkeesta. Uutta tietuetta ei tehty."),
    "correction": N_("Tämä korjaa aiemmin hyväksyttyä lomaketta. Uusi tietue tulee aiemman tilalle."),
    "next_round": N_("Samasta lomakkeesta on jo aiempi kierros. Tämä on seuraava, ja aiempikin säilyy."),
    "other_case": N_("Tiedosto kuuluu toiseen asiaan. Tehkää tälle asialle oma lomake."),
}


def predict_repeat(verdict: Verdict, first: Row | None) -> Repeat | None:
    """Return what a file that is only read would be; ``first`` is the earlier return of the same bytes, if any."""
    about = verdict.about
    if first:
        return Repeat("same_file", first["submission_id"])
    if verdict.outcome == "duplicate":
        return Repeat("same_answers", verdict.first_id)
    if about and about.is_of_another_case:
        return Repeat("other_case", about.earlier[0]["submission_id"] if about.earlier else None)
    if about is None or verdict.outcome != "accepted":
        return None
    if find_corrected_record(about):
        return Repeat("correction", about.earlier[-1]["submission_id"] if about.earlier else None)
    return Repeat("next_round") if about.case.list_current_records(about.form.id) else None


def find_repeat(journal: Journal, registry: Registry, row: Row) -> Repeat | None:
    """Return what a settled return is; ``row`` is the return as the journal has it."""
    if row["outcome"] == "duplicate":
        first = journal.find_submissions(submission_id=row["first_id"])[0]
        return Repeat("same_file" if first["sha256"] == row["sha256"] else "same_answers", row["first_id"])
    errors = json.loads(row["reason"])["errors"] if row["reason"] else ()
    issued = journal.find_issued_document(row["instance_id"]) or {} if row["instance_id"] else {}
    others = {translate(message, row["language"] or "fi") for message in (ELSEWHERE, OTHER_CASE)}
    if any(error["message"] in others for error in errors):
        return Repeat("other_case")
    if row["outcome"] != "accepted":
        return None
    own = issued.get("corrects") or row["instance_id"]
    of_case = (known for known in journal.find_instance_records(own) if known["case_id"] == row["case_id"])
    before = [known for known in of_case if known["record_id"] < row["record_id"]]
    if before:
        return Repeat("correction", before[-1]["submission_id"])
    if (
        (record := journal.find_record(row["record_id"]))
        and record["supersedes"]
        and registry.find_latest_version(row["form"]).single
    ):
        corrects = journal.find_record(record["supersedes"])
        return Repeat("correction", corrects["submission_id"] if corrects else None)
    known = journal.find_submissions(case_id=row["case_id"], form=row["form"], outcome="accepted")
    return Repeat("next_round") if any(other["record_id"] < row["record_id"] for other in known) else None


@dataclass(frozen=True)
class Repeat:
    """How a return comes again: a key of `SENTENCES`, and the return that came before it where it is one."""

    kind: str
    first: str | None = None

    def to_dict(self, language: str) -> Mapping[str, str | None]:
        """Return it as it is shown outside, with its sentence."""
        return {"kind": self.kind, "message": translate(SENTENCES[self.kind], language), "first": self.first}
