"""The claims of the theory, one checker each.

A checker looks at one claim, weighs exact or numeric evidence, and says whether the
claim holds, is refuted or stays undecided. The checkers arrive in later releases.
"""
