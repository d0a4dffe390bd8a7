"""The kernel between strings that may share tokens, for up to a million of them."""
