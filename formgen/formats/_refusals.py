"""Why a document is not read: every sentence that a format has for it, so that a reader that lies can say no other."""

from __future__ import annotations

EMPTY = "Tiedosto on tyhjä."
UNKNOWN = "Tiedostomuotoa ei tunneta. Lähetä lomake Word- tai PDF-tiedostona."
NOT_WORD = "Tiedosto ei ole Word-asiakirja."
NOT_CONVERTED = "Tiedosto pitää tallentaa Word-muodossa (.docx). Muita muotoja ei voi lukea tällä koneella."
LARGE = "Tiedosto on liian suuri luettavaksi."
DAMAGED = "Tiedosto on vioittunut."
CUT_SHORT = "Tiedosto on vioittunut tai sen tallennus on jäänyt kesken."
LOCKED = "Tiedosto on suojattu salasanalla. Poista salasana ja lähetä uudelleen."
STRANGE = "Tiedoston rakenne ei ole turvallinen."
SLOW = "Tiedoston muuntaminen kesti liian kauan."
ALTERED = "Asiakirjan allekirjoitus ei ole pätevä, tai asiakirjaa on muutettu allekirjoituksen jälkeen."
UNTRUSTED = "Asiakirjan allekirjoittajan varmenteeseen ei luoteta."
REFUSALS = frozenset(text for name, text in globals().items() if name.isupper())
