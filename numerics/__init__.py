"""Estimates with error bars: the transformer's kernel and what follows from it."""

from numerics.activations import Cosine, ReLU
from numerics.architecture import Architecture
from numerics.learning import sample_complexity
from numerics.template_gram import TemplateGram, template_gram

__all__ = [
    "Architecture",
    "Cosine",
    "ReLU",
    "TemplateGram",
    "sample_complexity",
    "template_gram",
]
