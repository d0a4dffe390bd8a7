"""Recursions with one mistake each, that finite networks must refute."""

from dataclasses import replace

import numpy as np
from symbind_testing.oracles.two_positions import Recursion, Stream


class TemperatureOnce(Recursion):
    """β in place of β² in what comes through the logits."""

    def through_logits(self, seen, rows, block):
        return super().through_logits(seen, rows, block) / block.beta


class LogitsOfOneString(Recursion):
    """D in place of C: strings that share no token have the same logits."""

    def logit_covariance(self, seen):
        own = [np.sqrt(np.maximum(_variances(d), 0)) for d in (seen.first, seen.second)]
        return own[0][..., :, None] * own[1][..., None, :]


def _variances(own):
    e = np.array([1.0, -1.0])
    spread = np.einsum("q,...qp,p->...", e, own, e)
    return np.diagonal(own, axis1=-2, axis2=-1) * spread[..., None]


class MlpSeesStream(Recursion):
    """Under "pre" the MLP's input is left as it is."""

    def mapped(self, pairs, block):
        architecture = replace(self.architecture, normalisation=None)
        return Recursion(architecture, self.refine, self.trained).mapped(pairs, block)


class IdentityOfStream(Recursion):
    """Under "pre" b multiplies the stream, not what the sublayer sees: no Δ."""

    def kept(self, own, means, block):
        rows = np.stack([1 + means, 1 - means], axis=-1) / 2
        return block.residual * np.eye(2) + block.identity_vo * rows


class TangentNotNormalised(Recursion):
    """The last normalisation divides the kernel alone."""

    def final(self, stream):
        found = super().final(stream)
        return Stream(
            across=found.across,
            within=found.within,
            tangent_across=stream.tangent_across,
            tangent_within=stream.tangent_within,
        )


class PostOnceABlock(Recursion):
    """Under "post" the sum after attention is left as it is."""

    def attention(self, stream, block):
        return stream.each(lambda pairs: self.attended(pairs, block))


class ResidualOnce(Recursion):
    """The residual multiplies K and Θ by s in place of s²."""

    def mapped(self, pairs, block):
        kernel, tangent = super().mapped(pairs, block)
        surplus = abs(block.residual) - block.residual**2
        return kernel + surplus * pairs.kernel, tangent + surplus * pairs.tangent
