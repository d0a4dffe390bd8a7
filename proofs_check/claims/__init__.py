"""One module a claim: its mathematics, its checker, its mutants."""
