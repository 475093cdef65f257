"""Electronic signatures in a PDF: who signed what, and that nothing but signatures came after.

Nothing is fetched: a certificate is trusted through the roots that are given or not at all.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable
from typing import Any

from asn1crypto.x509 import Certificate
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import (
    DEFAULT_DIFF_POLICY,
    FormUpdatingRule,
    GenericFieldModificationRule,
    StandardDiffPolicy,
)
from pyhanko.sign.validation import EmbeddedPdfSignature, PdfSignatureStatus, validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import ValidationError

from formgen.documents.extraction import DigitalSignature
from formgen.errors import Reason, Unreadable
from formgen.formats._refusals import ALTERED, UNTRUSTED

for talkative in ("pyhanko", "pyhanko_certvalidator"):  # their warnings name the signer
    logging.getLogger(talkative).setLevel(logging.CRITICAL)

SIGNATURES = 20
# What pyHanko allows by default, less the filling of fields: what was signed is what was meant.
FORM_RULE = DEFAULT_DIFF_POLICY.form_rule
assert FORM_RULE, "the default policy has one"
ONLY_SIGNATURES = StandardDiffPolicy(
    global_rules=DEFAULT_DIFF_POLICY.global_rules,
    form_rule=FormUpdatingRule(
        [rule for rule in FORM_RULE.field_rules if not isinstance(rule, GenericFieldModificationRule)]
    ),
)


def verify_signatures(data: bytes, roots: Iterable[bytes]) -> tuple[tuple[DigitalSignature, ...], bytes]:
    """Return the signatures of a document and the revision that the first of them covers.

    ``roots`` are certificates as PEM or DER; without any, who signed is not known for sure and the
    seal names no root. Raise `Unreadable` for a signature that is not valid, is followed by other
    changes than signatures, or leads to none of the roots.
    """
    trusted = [certificate for root in roots for certificate in load_certs_from_pemder_data(root)]
    try:
        found = list(iter_valid_signatures(data, trusted))
    except (PdfError, SignatureValidationError, ValidationError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(Reason.BAD_IDENTITY, ALTERED) from error
    if not found:
        raise Unreadable(Reason.BAD_IDENTITY, ALTERED)
    return tuple(seal for _, seal in found), data[: min(end for end, _ in found)]


def iter_valid_signatures(data: bytes, trusted: list[Certificate]) -> Iterable[tuple[int, DigitalSignature]]:
    """Yield for each signature where the revision that it covers ends, and the seal that it is."""
    reader = PdfFileReader(io.BytesIO(data))
    if reader.encrypted:
        reader.decrypt(b"")
    signatures = reader.embedded_regular_signatures
    if len(signatures) > SIGNATURES:
        raise Unreadable(Reason.UNSAFE)
    for signature in signatures:
        context = ValidationContext(trust_roots=trusted, allow_fetching=False)
        status = validate_pdf_signature(signature, context, diff_policy=ONLY_SIGNATURES)
        if not (status.intact and status.valid and status.docmdp_ok):
            raise Unreadable(Reason.BAD_IDENTITY, ALTERED)
        if trusted and not status.bottom_line:
            raise Unreadable(Reason.BAD_IDENTITY, UNTRUSTED)
        _, _, start, length = (int(edge) for edge in signature.byte_range)
        yield start + length, build_digital_signature(signature, status)


def build_digital_signature(signature: EmbeddedPdfSignature, status: PdfSignatureStatus) -> DigitalSignature:
    """Build the digital signature of a valid one in the file."""
    stamped = status.timestamp_validity
    at = stamped.timestamp if stamped else status.signer_reported_dt
    path = status.validation_path
    return DigitalSignature(
        signer=get_common_name(signature.signer_cert),
        signed_at=at.isoformat() if at else "",
        covers="file" if status.coverage is SignatureCoverageLevel.ENTIRE_FILE else "revision",
        root=get_common_name(path.first) if path else "",
    )


def name_roots(roots: Iterable[bytes]) -> frozenset[str]:
    """Name certificates, PEM or DER, as a digital signature names its root."""
    return frozenset(
        get_common_name(certificate) for root in roots for certificate in load_certs_from_pemder_data(root)
    )


def get_common_name(certificate: Any) -> str:
    """Return the common name that a certificate is of, else its whole name."""
    name = certificate.subject
    return str(name.native.get("common_name") or name.human_friendly)
