"""Documents of other word processors (.odt, .doc, .rtf): turned into DOCX by LibreOffice, then read.

LibreOffice runs headless in a throw-away profile with macros off. Behind the wall it can write to its
scratch folder alone, and all of it ends with the reading. Where it is not installed, the answer is a
clear rejection.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import resource
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from formgen.errors import Unreadable
from formgen.formats import docx
from formgen.sheet import Paper, Sheet

ENDINGS = (".odt", ".doc", ".rtf")
MEDIA_TYPE = "application/octet-stream"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_PACKAGE, VBA_PROJECT = (name.encode("utf-16-le") for name in ("EncryptedPackage", "_VBA_PROJECT"))
SECTOR, TEXT_HEADS = 512, {b"\xec\xa5" + version for version in (b"\xc1\0", b"\xd9\0", b"\1\1", b"\x0c\1", b"\x12\1")}
MANIFEST = "META-INF/manifest.xml"
OBJECT = re.compile(rb"(?<!\\)(?:\\\\)*\\objdata\b")
SECONDS = 50.0
SLOW = "Tiedoston muuntaminen kesti liian kauan."
MEMORY = 4_000_000_000
PROGRAM = shutil.which("soffice") or shutil.which("libreoffice")
OPENS = (
    *(
        "/etc/fonts",
        "/etc/libreoffice",
        "/etc/alternatives",
        "/var/lib/libreoffice",
        "/var/spool/libreoffice",
        "/var/cache/fontconfig",
    ),
    *((str(Path(PROGRAM).resolve().parents[1]),) if PROGRAM else ()),
)
SAFE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting">
<prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop>
<prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop>
<prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop>
</item>
<item oor:path="/org.openoffice.Office.Writer/Content/Update">
<prop oor:name="Link" oor:op="fuse"><value>0</value></prop>
</item>
</oor:items>
"""


def sniff(data: bytes) -> bool:
    """Tell whether the bytes are an OpenDocument text, an RTF, or an OLE file such as .doc."""
    return bool(ending(data))


def ending(data: bytes) -> str:
    """Return the ending that LibreOffice should see, or an empty text."""
    if data.startswith(b"{\\rtf"):
        return ".rtf"
    if data.startswith(OLE):
        return ".doc"
    head = data[:200]
    return (
        ".odt" if data.startswith(b"PK\x03\x04") and b"mimetypeapplication/vnd.oasis.opendocument.text" in head else ""
    )


def read(data: bytes, papers: Mapping[tuple[str, str], Paper]) -> Sheet:
    """Return what stands in the document after its conversion; raise `Unreadable`."""
    if is_encrypted(data):
        raise Unreadable("encrypted", "Tiedosto on suojattu salasanalla. Poista salasana ja lähetä uudelleen.")
    sheet: Sheet = docx.read(convert(data, ending(data)), papers)
    return replace(sheet, reader=ending(data).lstrip("."), facts=(*sheet.facts, *find_lost(data)))


def is_encrypted(data: bytes) -> bool:
    """Tell whether a password is needed to open the document.

    In a .doc the head of its text says so, which begins at the start of some sector.
    """
    if ending(data) == ".odt":
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            return MANIFEST in package.namelist() and b"encryption-data" in package.read(MANIFEST)
    heads = (data[at : at + 12] for at in range(SECTOR, len(data), SECTOR)) if ending(data) == ".doc" else ()
    return ENCRYPTED_PACKAGE in data or any(head[:4] in TEXT_HEADS and head[11] & 1 for head in heads)


def find_lost(data: bytes) -> Iterator[str]:
    """Yield what no form may carry and the conversion leaves out: macros, and an object in RTF."""
    if ending(data) == ".odt":
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            macros = any(name.startswith(("Basic/", "Scripts/")) for name in package.namelist())
    else:
        macros = VBA_PROJECT in data
    if macros:
        yield "macros"
    if ending(data) == ".rtf" and OBJECT.search(data):
        yield "embedded"


def convert(data: bytes, suffix: str, to: str = "docx") -> bytes:
    """Return the document as LibreOffice saves it in another format; raise `Unreadable`."""
    if PROGRAM is None:
        raise Unreadable(
            "unsupported_type",
            "Tiedosto pitää tallentaa Word-muodossa (.docx). Muita muotoja ei voi lukea tällä koneella.",
        )
    with tempfile.TemporaryDirectory(prefix="formgen-") as folder:
        profile = Path(folder) / "profile"
        (profile / "user").mkdir(parents=True)
        (profile / "user" / "registrymodifications.xcu").write_text(SAFE, encoding="utf-8")
        source = Path(folder) / f"form{suffix}"
        source.write_bytes(data)
        out = Path(folder) / "out"
        try:
            run([
                PROGRAM,
                f"-env:UserInstallation={profile.as_uri()}",
                "--headless", "--norestore", "--nolockcheck", "--nodefault", "--nologo",
                "--convert-to", to, "--outdir", str(out), str(source),
            ], folder)  # fmt: skip
        finally:
            sweep(folder)
        result = out / f"form.{to}"
        if not result.is_file():
            raise Unreadable("timeout", SLOW) if worn_out() else Unreadable("unreadable", "Tiedosto on vioittunut.")
        return result.read_bytes()


def worn_out() -> bool:
    """Tell whether what has run here has used up the processor's time that the wall gives."""
    used, limit = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrlimit(resource.RLIMIT_CPU)[0]
    return limit != resource.RLIM_INFINITY and used.ru_utime + used.ru_stime >= limit


def sweep(folder: str) -> None:
    """Remove what a LibreOffice that was ended leaves outside of its folder: the socket by which others would call it.

    It lies in /tmp, whatever is said, and is named by the digest of the profile's address.
    """
    for profile in (Path(folder, "profile"), *Path(folder).glob("formgen-*/profile")):
        digest = hashlib.md5(profile.as_uri().encode("utf-16-le"), usedforsecurity=False).digest()
        name = f"SingleOfficeIPC_{''.join(f'{byte:x}' for byte in digest)}"
        for user in ("", f"{os.getuid()}_"):  # in the cage it does not know who it is
            Path(f"/tmp/OSL_PIPE_{user}{name}").unlink(missing_ok=True)  # noqa: S108


def run(command: list[str], own: str) -> None:
    """Run LibreOffice, all of whose files lie in a folder, to its end; raise `Unreadable` when time is up.

    The wall ends whatever is left of it.
    """
    home = {"HOME": own, "TMPDIR": own, "PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
    try:
        subprocess.run(  # noqa: S603 - our own command, the file is an argument
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=home,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unreadable("timeout", SLOW) from error
