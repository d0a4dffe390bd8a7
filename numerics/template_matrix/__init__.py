"""The template matrix N: its estimate, its spectrum, and intervals for both."""
