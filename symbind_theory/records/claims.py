"""The registry of claims: code, tests and documentation refer to these ids."""

from __future__ import annotations

from dataclasses import dataclass

from symbind_theory.validation import InputError, shorten

__all__ = ["CLAIMS", "Claim", "claim"]

_PAPER = "Boix-Adserà et al., arXiv 2310.09753"


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement about template tasks.

    Attributes:
        id: stable, `C1` and so on.
        name: two or three words.
        title: the statement in a sentence.
        source: where it is stated or proved.
    """

    id: str
    name: str
    title: str
    source: str


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "C1",
        "MLP coupling",
        "Permuting unseen symbols position by position couples an MLP's training "
        "runs exactly, so it cannot tell unseen symbols apart.",
        f"{_PAPER}, on the failure of MLPs",
    ),
    Claim(
        "C2",
        "MLP floor",
        "An MLP's expected squared loss on unseen symbols is at least the variance of "
        "the labels given the skeleton.",
        f"{_PAPER}, on the failure of MLPs; the explicit value is symbind's",
    ),
    Claim(
        "C3",
        "template matrix",
        "The template matrix N is non-singular exactly when the templates are "
        "pairwise inequivalent (one layer, beta and gamma non-zero, activation not "
        "constant; more blocks as Theorem D says).",
        f"{_PAPER}, for almost every parameter; Theorems S and D are symbind's",
    ),
    Claim(
        "C4",
        "block structure",
        "The kernel matrix of template data tends to a block matrix as the symbols "
        "grow more diverse.",
        f"{_PAPER}, on the proof for real labels",
    ),
    Claim(
        "C5",
        "generalisation",
        "With N non-singular, a transformer's kernel trained on enough diverse data "
        "generalises to symbols it has never seen.",
        f"{_PAPER}, on transformers with real labels",
    ),
    Claim(
        "C6",
        "identity perturbations",
        "An identity added to W_K W_Q^T or W_V W_O changes the conditioning of N and "
        "so the data needed.",
        f"{_PAPER}, on the two identity modifications",
    ),
    Claim(
        "C7",
        "copying needs identity_vo",
        "Copying a wildcard to the output fails as the width grows, unless a "
        "multiple of the identity is added to W_V W_O in each head.",
        f"{_PAPER}, on copying with symbolic labels",
    ),
    Claim(
        "C8",
        "data diversity",
        "Data diversity is the reciprocal of the largest probability that a "
        "substitution uses one given token.",
        f"{_PAPER}, on data diversity",
    ),
    Claim(
        "C9",
        "other architectures",
        "Other architectures have a singular or a non-singular N according to the "
        "symmetries of their kernel.",
        "symbind; asked in the public review of arXiv 2310.09753",
    ),
    Claim(
        "C10",
        "single runs",
        "Single training runs scatter around the expectation that the theory states.",
        "symbind; asked in the public review of arXiv 2310.09753",
    ),
    Claim(
        "C11",
        "tangent regime",
        "With N non-singular, a transformer all of whose layers are trained in the "
        "tangent regime generalises to symbols it has never seen.",
        "symbind; asked in the public review of arXiv 2310.09753",
    ),
    Claim(
        "C12",
        "trained transformers",
        "A finite transformer, trained in all its layers and with a multiple of the "
        "identity in each W_K W_Q^T, has a smaller error on unseen symbols than any "
        "MLP.",
        f"{_PAPER}, on experiments",
    ),
    Claim(
        "C13",
        "trained identity",
        "With as many strings, a transformer that trains a multiple of the identity in "
        "each W_K W_Q^T has a smaller error on unseen symbols than one without.",
        f"{_PAPER}, on experiments and on the two identity modifications",
    ),
)
"""Every claim, in the order of the argument."""

_BY_ID = {entry.id: entry for entry in CLAIMS}


def claim(id: str) -> Claim:
    """The claim of that id.

    Raises:
        InputError: no such id.
    """
    if id not in _BY_ID:
        raise InputError(f"claim is {shorten(id)}; expected one of {', '.join(_BY_ID)}")
    return _BY_ID[id]
