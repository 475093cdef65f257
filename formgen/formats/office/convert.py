"""Documents of other word processors (.odt, .doc, .rtf): turned into DOCX by LibreOffice, then read.

LibreOffice runs headless in a throw-away profile with macros off. In the sandbox it can write to its
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
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from formgen.documents.extraction import Extraction
from formgen.errors import Reason, Unreadable
from formgen.files import NOBODY
from formgen.formats import docx
from formgen.formats._refusals import NOT_CONVERTED, SLOW
from formgen.formats.protocol import FormSpecs

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_PACKAGE, VBA_PROJECT = (name.encode("utf-16-le") for name in ("EncryptedPackage", "_VBA_PROJECT"))
SECTOR, TEXT_HEADS = 512, {b"\xec\xa5" + version for version in (b"\xc1\0", b"\xd9\0", b"\1\1", b"\x0c\1", b"\x12\1")}
MANIFEST = "META-INF/manifest.xml"
OBJECT = re.compile(rb"(?<!\\)(?:\\\\)*\\objdata\b")
SECONDS = 50.0
MEMORY = 4_000_000_000
RESTART = 81  # what it ends with when it has made a profile and is to be started again
PROFILES = ("profile", "profile-2", "profile-3")
PROGRAM = shutil.which("soffice") or shutil.which("libreoffice")
READABLE_PATHS = (
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
SAFE_SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
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


def detect_ending(data: bytes) -> str:
    """Return the ending that LibreOffice should see, or an empty text."""
    if data.startswith(b"{\\rtf"):
        return ".rtf"
    if data.startswith(OLE):
        return ".doc"
    head = data[:200]
    return (
        ".odt" if data.startswith(b"PK\x03\x04") and b"mimetypeapplication/vnd.oasis.opendocument.text" in head else ""
    )


def read(data: bytes, form_specs: FormSpecs) -> Extraction:
    """Read a document after its conversion; raise `Unreadable`."""
    if is_encrypted(data):
        raise Unreadable(Reason.ENCRYPTED)
    found = docx.read(convert_document(data, detect_ending(data)), form_specs)
    return replace(found, reader=detect_ending(data).lstrip("."), facts=(*found.facts, *find_lost_content(data)))


def is_encrypted(data: bytes) -> bool:
    """Tell whether a password is needed to open the document.

    In a .doc the head of its text says so, which begins at the start of some sector.
    """
    if detect_ending(data) == ".odt":
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            return MANIFEST in package.namelist() and b"encryption-data" in package.read(MANIFEST)
    heads = (data[at : at + 12] for at in range(SECTOR, len(data), SECTOR)) if detect_ending(data) == ".doc" else ()
    return ENCRYPTED_PACKAGE in data or any(head[:4] in TEXT_HEADS and head[11] & 1 for head in heads)


def find_lost_content(data: bytes) -> Iterator[str]:
    """Find what the conversion leaves out and no form may carry: macros, and an object in RTF."""
    if detect_ending(data) == ".odt":
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            macros = any(name.startswith(("Basic/", "Scripts/")) for name in package.namelist())
    else:
        macros = VBA_PROJECT in data
    if macros:
        yield "macros"
    if detect_ending(data) == ".rtf" and OBJECT.search(data):
        yield "embedded"


def convert_document(data: bytes, suffix: str, to: str = "docx") -> bytes:
    """Return the document as LibreOffice saves it in another format; raise `Unreadable`."""
    if PROGRAM is None:
        raise Unreadable(Reason.UNSUPPORTED_TYPE, NOT_CONVERTED)
    folder = tempfile.mkdtemp(prefix="formgen-")
    try:
        return convert_in_folder(data, suffix, to, Path(folder))
    finally:
        if remove_sockets(folder):
            shutil.rmtree(folder)


def convert_in_folder(data: bytes, suffix: str, to: str, folder: Path) -> bytes:
    """Return the document as LibreOffice saves it in another format, all of its files in a folder."""
    profile, source, out = folder / PROFILES[0], folder / f"form{suffix}", folder / "out"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(SAFE_SETTINGS, encoding="utf-8")
    source.write_bytes(data)
    arguments = ["--headless", "--norestore", "--nolockcheck", "--nodefault", "--nologo"]
    arguments += ["--convert-to", to, "--outdir", str(out), str(source)]
    for name in PROFILES:
        profile = profile.rename(folder / name)  # in the sandbox the socket of the one before is still there
        if run_libreoffice([f"-env:UserInstallation={profile.as_uri()}", *arguments], str(folder)) != RESTART:
            break
    result = out / f"form.{to}"
    if not result.is_file():
        raise Unreadable(Reason.TIMEOUT, SLOW) if is_cpu_time_exhausted() else Unreadable(Reason.UNREADABLE)
    return result.read_bytes()


def is_cpu_time_exhausted() -> bool:
    """Tell whether the programs that ran here have used up the processor's time that the sandbox gives."""
    used, limit = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrlimit(resource.RLIMIT_CPU)[0]
    return limit != resource.RLIM_INFINITY and used.ru_utime + used.ru_stime >= limit


def remove_sockets(folder: str) -> bool:
    """Remove the sockets that LibreOffice leaves outside of its folder, and tell whether all are gone.

    They lie in /tmp, whatever is said, named by the user and the digest of the profile's address. In the sandbox
    nothing may be removed there: then the folder tells the process outside what to remove.
    """
    profiles = [Path(place, name) for place in (Path(folder), *Path(folder).glob("formgen-*")) for name in PROFILES]
    left = [socket for profile in profiles for socket in iter_socket_paths(profile) if os.path.lexists(socket)]
    for socket in left:
        with suppress(OSError):
            socket.unlink()
    return not any(map(os.path.lexists, left))


def iter_socket_paths(profile: Path) -> Iterator[Path]:
    """Yield the paths where a profile's socket may lie: in the sandbox LibreOffice has no user name, or is nobody."""
    digest = hashlib.md5(profile.as_uri().encode("utf-16-le"), usedforsecurity=False).digest()
    for user in ("", f"{os.getuid()}_", f"{NOBODY}_"):
        yield Path(f"/tmp/OSL_PIPE_{user}SingleOfficeIPC_{''.join(f'{byte:x}' for byte in digest)}")  # noqa: S108


def run_libreoffice(arguments: list[str], own: str) -> int:
    """Run LibreOffice, all of whose files lie in a folder, and return what it ends with.

    Raise `Unreadable` when time is up: in the sandbox it may end nobody, and the process outside ends what is left.
    """
    assert PROGRAM, "there is one"
    program = Path(PROGRAM).resolve().with_name("soffice.bin")
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603 - our own command, the file is an argument
        [program if program.is_file() else PROGRAM, *arguments],
        stdin=nothing,
        stdout=nothing,
        stderr=nothing,
        env={"HOME": own, "TMPDIR": own, "PATH": os.defpath, "LANG": "C.UTF-8", "LD_LIBRARY_PATH": str(program.parent)},
    )
    try:
        return process.wait(SECONDS)
    except subprocess.TimeoutExpired as error:
        with suppress(PermissionError):
            process.kill()
            process.wait()
        raise Unreadable(Reason.TIMEOUT, SLOW) from error
