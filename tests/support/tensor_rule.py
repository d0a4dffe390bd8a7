"""Attention features under the cls readout by a tensor Gauss-Hermite rule.

A second way to what `conditional_softmax` computes: no Laplace transform, no tables;
one axis of nodes for each wildcard, so for few wildcards only.
"""

from itertools import product

import numpy as np

from symbind_theory.templates import CLS, read_templates


def features(templates, beta, gamma, count, nodes, seed):
    """f_i at `count` pseudo-random outer points; shape (count, templates, coordinates).

    Coordinates are the regular tokens, `[CLS]` first, then the positions times gamma.
    """
    parsed = read_templates(templates)
    tokens = list(dict.fromkeys([CLS, *(x for t in parsed for x in t.regular_tokens)]))
    keys = parsed[0].length + 1
    scale = np.sqrt(1 + gamma**2)
    rng = np.random.default_rng(seed)
    position = gamma * scale * rng.standard_normal((count, keys))
    token = scale * rng.standard_normal((count, len(tokens)))
    abscissae, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights = weights / weights.sum()
    found = np.zeros((count, len(parsed), len(tokens) + keys))
    for i, template in enumerate(parsed):
        mean = np.zeros((count, keys))
        for index in product(range(nodes), repeat=len(template.wildcards)):
            logits = position.copy()
            logits[:, -1] += token[:, 0]
            for x, where in template.regular_positions.items():
                logits[:, where] += token[:, [tokens.index(x)]]
            for node, where in zip(
                index, template.wildcard_positions.values(), strict=True
            ):
                logits[:, where] += scale * abscissae[node]
            logits *= beta
            raised = np.exp(logits - logits.max(1, keepdims=True))
            share = weights[list(index)].prod()
            mean += share * raised / raised.sum(1, keepdims=True)
        found[:, i, len(tokens) :] = gamma * mean
        found[:, i, 0] = mean[:, -1]
        for x, where in template.regular_positions.items():
            found[:, i, tokens.index(x)] = mean[:, where].sum(1)
    return found
