"""Estimates with error bars: the transformer's kernel and what follows from it."""

from numerics.activations import Cosine, ReLU
from numerics.architecture import Architecture
from numerics.learning import sample_complexity
from numerics.string_gram import StringGram, string_gram
from numerics.template_gram import TemplateGram, template_gram

__all__ = [
    "Architecture",
    "Cosine",
    "ReLU",
    "StringGram",
    "TemplateGram",
    "sample_complexity",
    "string_gram",
    "template_gram",
]
