"""What a rule has to show, one function for each obligation."""

from derivations.obligations.contract import contract as contract
from derivations.obligations.decide import NOWHERE as NOWHERE
from derivations.obligations.declared import declared as declared
from derivations.obligations.derivative import again as again
from derivations.obligations.derivative import cotangent as cotangent
from derivations.obligations.derivative import linear as linear
from derivations.obligations.derivative import value as value
from derivations.obligations.exact import Pair as Pair
from derivations.obligations.exact import cotangent_pair as cotangent_pair
from derivations.obligations.exact import exact as exact
from derivations.obligations.exact import second_order_pair as second_order_pair
from derivations.obligations.exact import value_pair as value_pair
from derivations.obligations.kinks import kinks as kinks
from derivations.obligations.second import second_order as second_order
from derivations.obligations.statements import statement as statement
from derivations.obligations.textbook import cited as cited
from derivations.obligations.textbook import textbook as textbook
