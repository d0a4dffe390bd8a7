"""Estimates of one-layer transformers, with all that their record knows."""

from numerics import Architecture, TemplateGram, template_gram


def one_layer_estimate(templates, architecture=None, *args, **settings):
    """`template_gram` of one layer, typed as the record that it then returns."""
    architecture = Architecture() if architecture is None else architecture
    gram = template_gram(templates, architecture, *args, **settings)
    assert isinstance(gram, TemplateGram)
    return gram
