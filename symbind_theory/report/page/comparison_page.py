"""Several checks side by side."""


def comparison_page(*a): ...
