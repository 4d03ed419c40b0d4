"""Names for mistakes: what is wrong with a refuted rule, in the words of a textbook."""

from derivations.naming.catalogue import CATALOGUE as CATALOGUE
from derivations.naming.catalogue import Mistake as Mistake
from derivations.naming.catalogue import shown as shown
from derivations.naming.name import named as named
from derivations.verdict import Named as Named
