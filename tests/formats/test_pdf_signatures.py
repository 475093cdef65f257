"""A signed PDF is read as it was signed; one that was changed since, or signed by a stranger, is refused."""

from __future__ import annotations

import datetime
import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pikepdf
import pytest
from asn1crypto.keys import PrivateKeyInfo
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.generic import TextStringObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore

from formgen.documents.extraction import Extraction, FormSpec
from formgen.errors import Unreadable, UsageError
from formgen.formats import pdf
from formgen.settings import WorkspaceFolder
from tests.conftest import REFERRAL, SETTINGS, Bench
from tests.support.foreign import FILLERS, Job
from tests.support.pdf_forms import FORMS, issued, known, papers, said, typed

FORM = min(FORMS, key=lambda form: len(issued(form)))
LINE = next(
    question.path for question in FORM.list_questions() if question.path in known(FORM) and not question.choices
)
BORN = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
DIES = datetime.datetime(2060, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Person:
    """Somebody with a key and a certificate, which another key has signed."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        """Return the certificate as DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        """Return the certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def person(name: str, by: Person | None = None, authority: bool = False) -> Person:
    """Return somebody new, certified by an authority or by themselves."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
         "decipher_only"), False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BORN)
        .not_valid_after(DIES)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                **{**usage, "content_commitment": not authority},
                digital_signature=True,
                key_cert_sign=authority,
                crl_sign=authority,
            ),
            critical=True,
        )
        .sign(by.key if by else key, hashes.SHA256())
    )
    return Person(certificate, key)


@cache
def chain() -> tuple[Person, Person, Person]:
    """Return a root, an authority below it, and a signer below that."""
    root = person("Testijuuri", authority=True)
    middle = person("Testivarmentaja", root, authority=True)
    return root, middle, person("Testi Mallikas", middle)


def signed(data: bytes, field: str = "allekirjoitus", password: str = "") -> bytes:
    """Return a document with a PAdES signature on top; the password opens it when it is encrypted."""
    _, middle, signer = chain()
    store = SimpleCertificateStore()
    store.register(Certificate.load(middle.der))
    private = signer.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    tool = SimpleSigner(
        signing_cert=Certificate.load(signer.der), signing_key=PrivateKeyInfo.load(private), cert_registry=store
    )
    meta = PdfSignatureMetadata(field_name=field, subfilter=SigSeedSubFilter.PADES)
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    if password:
        writer.encrypt(password)
    out: io.BytesIO = sign_pdf(writer, meta, signer=tool)
    return out.getvalue()


@cache
def filled() -> bytes:
    """Return a form as somebody has filled it."""
    return pdf.fill_document(issued(FORM), typed(FORM))


@cache
def once() -> bytes:
    """Return a form that was filled and signed."""
    return signed(filled())


def read(data: bytes, *roots: bytes) -> Extraction:
    """Return what is read of a document by an office that trusts the roots."""
    paper = papers()[FORM.id, FORM.version]
    return pdf.read(data, {(FORM.id, FORM.version): FormSpec(paper.questions, roots=roots)})


def refusal(data: bytes, *roots: bytes) -> tuple[str, str]:
    """Return code and message of the refusal of a document."""
    with pytest.raises(Unreadable) as refused:
        read(data, *roots)
    return refused.value.code, refused.value.message


def filled_on_top(data: bytes) -> bytes:
    """Return a document with one field changed by a save that leaves the signed bytes as they are."""
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    field = next(field for field in writer.root["/AcroForm"]["/Fields"] if field.get_object().get("/T") == LINE)
    field.get_object()["/V"] = TextStringObject("muutettu")
    writer.mark_update(field.reference)
    out = io.BytesIO()
    writer.write(out)
    assert out.getvalue().startswith(data)
    return out.getvalue()


@pytest.mark.parametrize("form", ["pem", "der"])
def test_a_signed_form_is_read_and_says_who_signed_what(form: str) -> None:
    root, _, _ = chain()
    sheet = read(once(), getattr(root, form))
    assert said(sheet) == {path: text for path, text in typed(FORM).items() if text}
    (seal,) = sheet.digital_signatures
    assert (seal.signer, seal.covers, seal.root) == ("Testi Mallikas", "file", "Testijuuri")
    assert datetime.datetime.fromisoformat(seal.signed_at).tzinfo
    assert (sheet.facts, sheet.strays) == ((), ())


def test_a_second_signature_is_no_change() -> None:
    sheet = read(signed(once(), "toinen"), chain()[0].pem)
    assert [(seal.signer, seal.covers) for seal in sheet.digital_signatures] == [
        ("Testi Mallikas", "revision"),
        ("Testi Mallikas", "file"),
    ]
    assert said(sheet) == {path: text for path, text in typed(FORM).items() if text}


ALTERED = {
    "filled by a save on top": filled_on_top,
    "filled by pdf.js": lambda data: FILLERS["pdf.js"]([Job(data, {LINE: "muutettu"})], Path(FOLDER[0]))[0],
    "filled and signed again": lambda data: signed(filled_on_top(data), "toinen"),
    "saved anew": lambda data: saved(data),
    "one byte flipped": lambda data: data.replace(b"/Creator", b"/Creatos", 1),
}
FOLDER = [""]


def saved(data: bytes) -> bytes:
    """Return a document as qpdf writes it anew."""
    with pikepdf.open(io.BytesIO(data)) as document:
        out = io.BytesIO()
        document.save(out)
        return out.getvalue()


@pytest.mark.parametrize("how", ALTERED)
def test_a_change_after_signing_is_refused(how: str, tmp_path: Path) -> None:
    FOLDER[0] = str(tmp_path)
    data = ALTERED[how](once())
    assert data != once()
    code, message = refusal(data, chain()[0].pem)
    assert code in ("bad_identity", "unreadable")
    assert "muutettu allekirjoituksen jälkeen" in message or "vioittunut" in message
    code, _ = refusal(data)
    assert code in ("bad_identity", "unreadable"), "whether or not the signer is trusted"


def test_a_signature_that_leads_to_another_root_is_refused() -> None:
    code, message = refusal(once(), person("Muu juuri", authority=True).pem)
    assert (code, "ei luoteta" in message) == ("bad_identity", True)


def test_without_roots_a_whole_signature_names_none() -> None:
    (seal,) = read(once()).digital_signatures
    assert (seal.signer, seal.root) == ("Testi Mallikas", "")


def test_nobody_is_named_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    read(once())
    refusal(once(), person("Muu juuri", authority=True).pem)
    refusal(filled_on_top(once()), chain()[0].pem)
    assert caplog.text == ""


# --- in the office --------------------------------------------------------------------------------


def trusting(bench: Bench, *roots: bytes) -> Bench:
    """Return a workspace that trusts the roots."""
    for number, root in enumerate(roots):
        (bench.root / f"juuri-{number}.pem").write_bytes(root)
    names = ", ".join(f'"juuri-{number}.pem"' for number in range(len(roots)))
    (bench.root / "formgen.toml").write_text(f"{SETTINGS}\n[signatures]\nroots = [{names}]\n", encoding="utf-8")
    return bench.restarted()


def returned(bench: Bench) -> bytes:
    """Return a signed referral."""
    made = bench.issue("referral", format_name="pdf")
    return signed(bench.filled(made, REFERRAL))


def test_the_record_says_who_signed_and_by_which_root(bench: Bench) -> None:
    office = trusting(bench, chain()[0].pem)
    record = office.record(office.returned(returned(office), "lomake.pdf"))
    (seal,) = record["provenance"]["digital_signatures"]
    assert {name: seal[name] for name in ("signer", "covers", "root")} == {
        "signer": "Testi Mallikas",
        "covers": "file",
        "root": "Testijuuri",
    }


def test_an_office_without_roots_is_asked(bench: Bench) -> None:
    row = bench.returned(returned(bench), "lomake.pdf")
    assert row.outcome == "review"
    assert "luotettuja varmenteita ei ole asetettu" in row.reason


def test_an_office_that_trusts_another_root_refuses(bench: Bench) -> None:
    office = trusting(bench, person("Muu juuri", authority=True).pem)
    assert office.reason(office.returned(returned(office), "lomake.pdf"))["code"] == "bad_identity"


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nroskaa\n-----END CERTIFICATE-----\n"])
def test_a_root_that_is_none_is_the_fault_of_the_settings(workspace: WorkspaceFolder, content: bytes | None) -> None:
    (workspace.root / "formgen.toml").write_text('[signatures]\nroots = ["juuri.pem"]\n', encoding="utf-8")
    if content is not None:
        (workspace.root / "juuri.pem").write_bytes(content)
    with pytest.raises(UsageError, match=r"juuri\.pem"):
        _ = WorkspaceFolder(workspace.root).roots
