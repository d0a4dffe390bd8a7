"""One module for each claim: its mathematics, its checker, its mutants."""
