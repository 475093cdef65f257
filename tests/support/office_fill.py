"""A person at LibreOffice: opens a document, types, ticks, restyles, and saves it in several formats.

Run by a Python that has the UNO bindings, with a folder for a throw-away profile:
``python3 office_fill.py FOLDER``. Takes jobs and gives answers, one JSON document a line::

    {"source": path, "steps": [["type", {bookmark: text}], ...], "targets": {"odt": path}, "password": text}

The password may be missing. Each step is a function of this module with its arguments. Typing goes through the same
commands as the keyboard's, into the control that stands at a bookmark, or where the program
has kept only text into the cell.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

try:
    import uno
except ImportError:  # pytest collects this file too, and its Python need not know the office
    uno = None

FILTERS = {
    "docx": "MS Word 2007 XML",
    "odt": "writer8",
    "doc": "MS Word 97",
    "rtf": "Rich Text Format",
    "pdf": "writer_pdf_Export",
}
TEXT = "8BC6B165-B1B2-4EDD-aa47-dae2ee689dd6"  # the class of an embedded text document
CHECKED, UNCHECKED = "☒", "☐"
PATIENCE = 300.0


class Desk:
    """One running office."""

    def __init__(self, folder):
        """Start the program with a profile of its own and wait until it answers."""
        pipe = f"formgen{os.getpid()}"
        home = {**os.environ, "HOME": folder, "SAL_USE_VCLPLUGIN": "svp"}
        options = ("--headless", "--norestore", "--nologo", "--nodefault", "--nolockcheck")
        profile = f"-env:UserInstallation={Path(folder).as_uri()}/profile"
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = ["soffice", profile, *options, f"--accept=pipe,name={pipe};urp"]
        self.process = subprocess.Popen(command, env=home, start_new_session=True, **quiet)
        local = uno.getComponentContext()
        resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
        address = f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext"
        self.context = patiently(lambda: resolver.resolve(address))
        self.desktop = self.service("com.sun.star.frame.Desktop")
        self.dispatcher = self.service("com.sun.star.frame.DispatchHelper")

    def service(self, name):
        """Return a service of the office."""
        return self.context.ServiceManager.createInstanceWithContext(name, self.context)

    def end(self):
        """Kill the program and all it has started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def work(self, job):
        """Do one job and return what its steps have to tell."""
        document = self.desktop.loadComponentFromURL(url(job["source"]), "_blank", 0, properties(Hidden=True))
        try:
            page = Page(self, document)
            told = [STEPS[name](page, *arguments) for name, *arguments in job["steps"]]
            for ending, target in job["targets"].items():
                lock = locked(ending, job["password"]) if job.get("password") else {}
                document.storeToURL(url(target), properties(FilterName=FILTERS[ending], **lock))
        finally:
            document.close(True)
        return told


class Page:
    """One open document and the cursor in it."""

    def __init__(self, desk, document):
        """Take the document of a desk."""
        self.desk, self.document = desk, document
        self.cursor = document.CurrentController.ViewCursor
        self.frame = document.CurrentController.Frame
        self.held = {}

    def press(self, command, **values):
        """Give a command as a key or the menu does."""
        self.desk.dispatcher.executeDispatch(self.frame, f".uno:{command}", "", 0, properties(**values))

    def write(self, text, enter):
        """Type text in the place of what is selected; ``enter`` is the command for a new line."""
        for number, line in enumerate(text.split("\n")):
            if number:
                self.press(enter)
            if line:
                self.press("InsertText", Text=line)

    def at(self, bookmark):
        """Return the place of a bookmark and the control there, or None where only text is left."""
        anchor = self.document.Bookmarks.getByName(bookmark).Anchor
        control = next(controls(anchor), None)
        if control is None:  # the program may have moved the bookmark into the control
            self.cursor.gotoRange(anchor.Start, False)
            control = self.held_in(self.cursor.TextTable.Name, self.cursor.Cell).get(bookmark)
        return anchor, control

    def held_in(self, table, cell):
        """Return the controls of a cell by the bookmarks in them, found once."""
        place = table, cell.CellName
        if place not in self.held:
            self.held[place] = {name: control for control in controls(cell) for name in bookmarks(control)}
        return self.held[place]

    def select_inside(self, control):
        """Select what a control holds, as a click into its prompt does."""
        words = [piece for piece in each(control) if piece.TextPortionType == "Text"]
        self.cursor.gotoRange(words[0].Start, False)
        self.cursor.goRight(sum(len(piece.String.encode("utf-16-le")) // 2 for piece in words), True)

    def select_cell(self, place):
        """Select all that a cell holds."""
        self.cursor.gotoRange(place.Start, False)
        cell = self.cursor.Cell
        self.cursor.gotoRange(cell.Start, False)
        self.cursor.gotoRange(cell.End, True)


# --- what a person does -----------------------------------------------------------------------


def type_in(page, answers):
    """Write the answers over what stands in the fields; every other one with Enter for a new line."""
    for number, (bookmark, text) in enumerate(answers.items()):
        place, control = page.at(bookmark)
        if control:
            page.select_inside(control)
        else:
            page.select_cell(place)
        page.write(text, ("InsertPara", "InsertLinebreak")[number % 2])


def add(page, answers):
    """Go to the start of the fields and write more there."""
    for bookmark, text in answers.items():
        _, control = page.at(bookmark)
        page.cursor.gotoRange(next(each(control)).Start, False)
        page.write(text, "InsertPara")


def pick(page, dates):
    """Pick days in the calendar: the program notes the day and shows it."""
    for bookmark, (iso, text) in dates.items():
        _, control = page.at(bookmark)
        if control:
            control.CurrentDate = f"{iso}T00:00:00Z"
        type_in(page, {bookmark: text})


def choose(page, items):
    """Choose items of drop-down lists by what they show; tell those that a list does not offer."""
    missing = []
    for bookmark, label in items.items():
        _, control = page.at(bookmark)
        offered = control and [part.Value for item in control.ListItems for part in item if part.Name == "DisplayText"]
        missing += [label] if control and label not in offered else []
        type_in(page, {bookmark: label})
    return missing


def tick(page, boxes):
    """Click check boxes until they are as told: their state and the sign that shows it."""
    for bookmark, ticked in boxes.items():
        place, control = page.at(bookmark)
        sign = next(piece for piece in each(control) if piece.TextPortionType == "Text") if control else place
        if control:
            control.Checked = ticked
        cursor = sign.Text.createTextCursorByRange(sign.Start)
        cursor.goRight(1, True)
        cursor.String = CHECKED if ticked else UNCHECKED


def kinds(page):
    """Tell what each field's bookmark leads to: a box, a date, a list, a text, or no control."""
    return {name: kind(page.at(name)[1]) for name in page.document.Bookmarks.ElementNames if name.startswith("f_")}


def kind(control):
    """Return what the program takes a control for."""
    if control is None:
        return "none"
    return "box" if control.Checkbox else "date" if control.Date else "list" if control.ListItems else "text"


def overwrite(page, answers):
    """Select whole cells, delete what they hold, controls and all, and write there."""
    for bookmark, text in answers.items():
        page.select_cell(page.at(bookmark)[0])
        page.press("Delete")
        page.write(text, "InsertPara")


def lengthen(page, rows):
    """Add a row below the one of each bookmark and write its cells."""
    for bookmark, texts in rows.items():
        page.cursor.gotoRange(page.at(bookmark)[0].Start, False)
        page.press("InsertRowsAfter")
        table = page.cursor.TextTable
        for column, text in enumerate(texts):
            page.cursor.gotoRange(table.getCellByPosition(column, table.Rows.Count - 1).Start, False)
            page.write(text, "InsertPara")


def restyle(page, picture):
    """Change margins, styles and directly set fonts; put a logo and a heading of the office at the top."""
    document = page.document
    for name in document.StyleFamilies.getByName("PageStyles").ElementNames:
        style = document.StyleFamilies.getByName("PageStyles").getByName(name)
        style.LeftMargin, style.RightMargin = 1500, 1700
    styles = document.StyleFamilies.getByName("ParagraphStyles")
    for name, font, colour, size in (
        ("Title", "Georgia", 0x800000, 26.0),
        ("Heading 1", "Georgia", 0x006400, 15.0),
        ("Label", "Verdana", 0x333366, 9.0),
        ("Answer", "Georgia", 0x000080, 11.0),
    ):
        style = styles.getByName(name)
        style.CharFontName, style.CharColor, style.CharHeight = font, colour, size
    page.press("SelectAll")
    page.press("SelectAll")
    page.press("CharFontName", **{"CharFontName.FamilyName": "Liberation Serif"})
    for table in map(document.TextTables.getByName, document.TextTables.ElementNames):
        for name in table.CellNames[::3]:
            cell = table.getCellByName(name)
            cell.BackColor = 0xFFFDF0
            cursor = cell.createTextCursor()
            if cursor.goRight(4, True):
                cursor.CharWeight = 150.0
    text = document.Text
    text.insertControlCharacter(text.Start, 0, False)
    logo = document.createInstance("com.sun.star.text.TextGraphicObject")
    logo.GraphicURL, logo.Width, logo.Height = url(picture), 1200, 1200
    text.insertTextContent(text.Start, logo, False)
    text.insertString(text.Start, "Työhönvalmennuksen oma lomake", False)


def delete(page, words):
    """Find words, delete them, and tell how often, as when someone tidies up a template."""
    return replace(page, words, "")


def replace(page, words, other):
    """Replace words by others and tell how often."""
    asked = page.document.createReplaceDescriptor()
    asked.SearchString, asked.ReplaceString, asked.SearchCaseSensitive = words, other, True
    return page.document.replaceAll(asked)


def embed(page):
    """Put another document into the document at its end."""
    inner = page.document.createInstance("com.sun.star.text.TextEmbeddedObject")
    inner.CLSID = TEXT
    page.document.Text.insertTextContent(page.document.Text.End, inner, False)


def write_macro(page, code):
    """Keep a macro in the document."""
    libraries = page.document.BasicLibraries
    if not libraries.hasByName("Standard"):
        libraries.createLibrary("Standard")
    libraries.getByName("Standard").insertByName("Makro", code)


STEPS = {
    step.__name__: step
    for step in (
        *(type_in, add, pick, choose, tick, kinds, overwrite, lengthen, restyle, delete, replace),
        *(embed, write_macro),
    )
}


# --- talking to the office --------------------------------------------------------------------


def patiently(act):
    """Return what the act gives once it stops failing; let the last failure through."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except uno.getClass("com.sun.star.connection.NoConnectException"):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def each(container):
    """Yield what a container of the office enumerates."""
    found = container.createEnumeration()
    while found.hasMoreElements():
        yield found.nextElement()


def pieces(container):
    """Yield the pieces of every paragraph."""
    for block in each(container):
        yield from each(block)


def controls(container):
    """Yield the controls in the paragraphs of a container."""
    for piece in pieces(container):
        if piece.TextPortionType == "ContentControl":
            yield piece.ContentControl


def bookmarks(control):
    """Return the names of the bookmarks in a control."""
    return {piece.Bookmark.Name for piece in each(control) if piece.TextPortionType == "Bookmark"}


def properties(**values):
    """Return named values as the office takes them."""
    found = []
    for name, value in values.items():
        item = uno.createUnoStruct("com.sun.star.beans.PropertyValue")
        item.Name, item.Value = name, value
        found.append(item)
    return tuple(found)


def locked(ending, password):
    """Return the properties with which a document is stored under a password; Word's XML takes it in its own way."""
    if ending != "docx":
        return {"Password": password}
    pairs = []
    for name, value in (("CryptoType", "Standard"), ("OOXPassword", password)):
        pair = uno.createUnoStruct("com.sun.star.beans.NamedValue")
        pair.Name, pair.Value = name, value
        pairs.append(pair)
    return {"EncryptionData": uno.Any("[]com.sun.star.beans.NamedValue", tuple(pairs))}


def url(path):
    """Return a file's address."""
    return uno.systemPathToFileUrl(str(path))


def main(folder):
    """Do jobs until there are no more."""
    desk = Desk(folder)
    try:
        for line in sys.stdin:
            try:
                answer = {"told": desk.work(json.loads(line))}
            except Exception as error:  # noqa: BLE001 - whatever the office throws belongs to the one job
                answer = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)
    finally:
        desk.end()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.flush()
    os._exit(0)  # the bindings may crash while Python takes itself apart
