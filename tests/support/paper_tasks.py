"""The template tasks of the paper and of Webb et al. (ESBN, 2020), written out.

Only templates: labels play no part in separation.
"""

import random

from symbind_theory import Template

TASKS = {
    "same/different": ["?a ?a", "?a ?b"],
    "aba/abb": ["?a ?b ?a", "?a ?b ?b"],
    "aabb/abab": ["?a ?a ?b ?b", "?a ?b ?a ?b"],
    "relational match to sample": [
        "?a ?a ?b ?b ?c ?d",
        "?a ?a ?c ?d ?b ?b",
        "?a ?b ?c ?c ?d ?e",
        "?a ?b ?c ?d ?e ?e",
    ],
    "identity rules": [
        "?a ?b ?a ?c ?d ?c",
        "?a ?b ?b ?c ?d ?d",
        "?a ?a ?a ?c ?c ?c",
        "?a ?b ?a ?c ?d ?d",
    ],
    "distribution of three": [
        "?a ?b ?c ?b ?c ?a",
        "?a ?b ?c ?b ?c ?c",
        "?a ?b ?c ?a ?c ?b",
        "?a ?b ?c ?c ?b ?a",
    ],
    "variable assignment": [
        "?a = + ; ?b = - ; print ( ?a )",
        "?a = + ; ?b = - ; print ( ?b )",
        "?a = - ; ?b = + ; print ( ?a )",
        "?a = - ; ?b = + ; print ( ?b )",
    ],
    "majority": ["X X X ?a", "X X Y ?a", "X Y Y ?a", "Y Y Y ?a"],
    "counting": ["?a ?a ?a ?a", "?a ?a ?a ?b", "?a ?a ?b ?b", "?a ?a ?b ?c"],
    "order zero": ["X ?a", "?a ?b"],
}

_rng = random.Random(2310)
TASKS["random"] = list(
    dict.fromkeys(
        str(Template(_rng.choices(["X", "Y", "?a", "?b", "?c"], k=5)).canonical())
        for _ in range(5)
    )
)
