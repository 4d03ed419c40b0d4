"""Proves, or refutes, that a hand-written backward pass in JAX is the derivative."""

from derivations.check import check as check
from derivations.ulps.accuracy import Accuracy as Accuracy
from derivations.ulps.accuracy import accuracy as accuracy
from derivations.verdict import Obligation as Obligation
from derivations.verdict import Report as Report
from derivations.verdict import Verdict as Verdict
from derivations.verdict import Witness as Witness
