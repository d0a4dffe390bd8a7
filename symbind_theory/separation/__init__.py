"""When the kernel tells templates apart, exactly.

Leading gaps in beta, Theorem S, and certificates that anyone can verify.

>>> gap = leading_gap("?a ?a", "?a ?b")
>>> gap.order
2
"""

from symbind_theory.separation.certificates import certify, verify
from symbind_theory.separation.leading_gaps import LeadingGap, leading_gap

__all__ = ["LeadingGap", "certify", "leading_gap", "verify"]
