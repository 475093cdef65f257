"""What a format says of a document that it does not read where a reason does not say enough.

A reader that lies can say no other sentence than these and those of the reasons.
"""

from __future__ import annotations

from formgen.errors import Reason
from formgen.i18n import N_

NOT_WORD = N_("Tiedosto ei ole Word-asiakirja.")
NOT_CONVERTED = N_("Tiedosto pitää tallentaa Word-muodossa (.docx). Muita muotoja ei voi lukea tällä koneella.")
CUT_SHORT = N_("Tiedosto on vioittunut tai sen tallennus on jäänyt kesken.")
SLOW = N_("Tiedoston muuntaminen kesti liian kauan.")
ALTERED = N_("Asiakirjan allekirjoitus ei ole pätevä, tai asiakirjaa on muutettu allekirjoituksen jälkeen.")
UNTRUSTED = N_("Asiakirjan allekirjoittajan varmenteeseen ei luoteta.")
NOT_MADE = N_("Muotoa {format} ei voi tehdä.")  # of no reader: for who asks for a document
REFUSALS = frozenset(
    (*(reason.message for reason in Reason), NOT_WORD, NOT_CONVERTED, CUT_SHORT, SLOW, ALTERED, UNTRUSTED)
)
