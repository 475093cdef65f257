"""How the outcomes of submissions are shown, and the exit codes that they call for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import typer

from formgen.cli.console import out
from formgen.cli.session import Session
from formgen.i18n import N_
from formgen.workspace import Result

REJECTED, UNSURE = 3, 4
EXIT = {"rejected": REJECTED, "review": UNSURE, "waiting": UNSURE}


def describe_result(result: Result, language: str, file: str = "") -> dict[str, Any]:
    """Describe what became of a file as the outside contract shows it; messages are in a language."""
    return {
        "file": file or result.submission.file_name,
        "outcome": result.outcome,
        "record": result.record.model_dump(mode="json") if result.record else None,
        "reason": result.reason.model_dump(mode="json") if result.reason else None,
        "answers": None
        if result.answers is None
        else {
            path: {"text": answer.text, "layer": answer.layer, "confidence": answer.confidence}
            for path, answer in result.answers.items()
        },
        "again": result.repeat.to_dict(language) if result.repeat else None,
    }


def print_outcomes(shared: Session, found: list[dict[str, Any]]) -> None:
    """Print outcomes, and end with the exit code that they call for."""
    if shared.as_json:
        shared.print_json(found)
    else:
        for item in found:
            out.print(f"{item['file']}: {shared.translate(OUTCOMES[item['outcome']])}")
            if item["again"]:
                out.print(f"  {item['again']['message']}")
            problems = (item["reason"] or {}).get("errors") or (item["record"] or {}).get("issues") or ()
            for number, problem in enumerate(problems, start=1):
                for line in iter_problem_lines(shared, number, problem):
                    out.print(line)
    codes = {EXIT.get(item["outcome"], 0) for item in found}
    if code := (REJECTED if REJECTED in codes else max(codes, default=0)):
        raise typer.Exit(code)


def iter_problem_lines(shared: Session, number: int, problem: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines on what is wrong at a place, as the reply to its sender says them."""
    named = f"{problem['label']}: " if problem.get("label") else ""
    where = f"{problem['code']} {problem['field']}".strip()
    yield f"  {number}. {named}{problem['message']} ({where})"
    accepts, example = problem.get("accepts", ""), problem.get("example", "")
    if accepts:
        yield "     " + shared.translate("Kelpaa: {accepts}", accepts=accepts)
    if example not in accepts:
        yield "     " + shared.translate("Esimerkki: {example}", example=example)


OUTCOMES = {
    "accepted": N_("hyväksytty"),
    "review": N_("tarkistettava"),
    "waiting": N_("odottaa toista lomaketta"),
    "rejected": N_("hylätty"),
    "duplicate": N_("sama on jo käsitelty"),
}
