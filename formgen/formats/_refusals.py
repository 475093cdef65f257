"""What a format says of a document that it does not read where a reason does not say enough.

A reader that lies can say no other sentence than these and those of the reasons.
"""

from __future__ import annotations

from formgen.errors import Reason

NOT_WORD = "Tiedosto ei ole Word-asiakirja."
NOT_CONVERTED = "Tiedosto pitää tallentaa Word-muodossa (.docx). Muita muotoja ei voi lukea tällä koneella."
CUT_SHORT = "Tiedosto on vioittunut tai sen tallennus on jäänyt kesken."
SLOW = "Tiedoston muuntaminen kesti liian kauan."
ALTERED = "Asiakirjan allekirjoitus ei ole pätevä, tai asiakirjaa on muutettu allekirjoituksen jälkeen."
UNTRUSTED = "Asiakirjan allekirjoittajan varmenteeseen ei luoteta."
NOT_MADE = "Muotoa {format} ei voi tehdä."  # of no reader: for who asks for a document
REFUSALS = frozenset(
    (*(reason.message for reason in Reason), NOT_WORD, NOT_CONVERTED, CUT_SHORT, SLOW, ALTERED, UNTRUSTED)
)
