"""Deep networks of finite width against the exact recursion of two positions.

An average over networks is off by what its standard error allows and by the width's own
error, O(1/d + 1/d_head + 1/H + 1/m): where networks of two sizes, one twice the other,
are at hand, twice the larger's average less the smaller's has an error of second order
only. Tangent kernels are compared parameter by parameter: each of the sums that the
recursion adds up is seen by itself.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from symbind_testing.builders.deep_architectures import DEEP
from symbind_testing.builders.strings import twice_fresh
from symbind_testing.oracles import wrong_recursions as wrong
from symbind_testing.oracles.finite_deep_network import (
    Widths,
    empirical,
    mean_and_error,
)
from symbind_testing.oracles.two_positions import PARAMETERS, Recursion, exact
from symbind_testing.tasks import ABA_ABB

from numerics import GELU, Architecture, Erf, template_gram

TEMPLATES = ["?a ?a", "?a ?b", "?a x"]
SMALL = Widths(width=32, head_width=8, heads=8, hidden=64)

SHALLOW = Architecture(
    beta=2.0,
    readout="last",
    residual=0.7,
    normalisation="pre",
    final_normalisation=True,
    activation=GELU(),
    identity_kq=0.5,
    identity_vo=0.5,
)

# Of 10 kernels with nine entries each, in seven settings: one alarm in 2000 at most.
AGREES = 5.0
REFUTED = 6.0


@dataclass(frozen=True)
class Measured:
    """One kernel of r templates: estimates, standard errors, and what widths may cost.

    Attributes:
        values: C-like entries across strings, upper triangle, then those within.
        errors: standard errors.
        allowed: the width's own error, as a part of the largest entry.
    """

    values: np.ndarray
    errors: np.ndarray
    allowed: float

    def distance(self, truth):
        """By how many standard errors it is off, beyond what is allowed."""
        # A kernel that is exact, as of what is normalised, has errors of rounding.
        size = np.abs(truth).max()
        off = np.abs(self.values - truth) - self.allowed * size
        return float((off / (self.errors + 1e-12 * size)).max())


def entries(across, within):
    return np.concatenate(
        [across[..., *np.triu_indices(across.shape[-1])], within], axis=-1
    )


def by_template(draws):
    """Entries of r templates, from kernels of their strings, each template twice."""
    r = draws.shape[-1] // 2
    across, own = draws[:, :r, r:], np.einsum("nii->ni", draws)
    across = (across + across.swapaxes(1, 2)) / 2
    return entries(across, (own[:, :r] + own[:, r:]) / 2)


def measured(architecture, widths, networks, allowed):
    """N as "matrix", and the tangent kernel by parameter."""
    strings = twice_fresh(TEMPLATES)
    found = empirical(strings, architecture, widths, networks, seed=5, tangent=True)
    draws = {"matrix": found.matrix, **found.tangents}
    return {
        name: Measured(*mean_and_error(by_template(kernels)), allowed)
        for name, kernels in draws.items()
    }


def extrapolated(architecture, networks, allowed):
    """From `networks` networks of the small size and half as many of twice the size."""
    small = measured(architecture, SMALL, networks, 0.0)
    large = measured(architecture, SMALL.times(2), networks // 2, 0.0)
    return {
        name: Measured(
            values=2 * large[name].values - small[name].values,
            errors=np.hypot(2 * large[name].errors, small[name].errors),
            allowed=allowed,
        )
        for name in small
    }


def distances(found, architecture, recursion=None):
    """By how many standard errors each kernel is off the recursion's."""
    truth = exact(TEMPLATES, architecture, recursion=recursion)
    known = {"matrix": entries(truth.matrix, truth.matrix_self)}
    for name in PARAMETERS:
        part = exact(TEMPLATES, architecture, recursion=recursion, trained=[name])
        known[name] = entries(part.tangent, part.tangent_self)
    return {name: found[name].distance(values) for name, values in known.items()}


@pytest.fixture(scope="module")
def shallow():
    """One block at one size, whose own error is below a tenth."""
    return measured(SHALLOW, SMALL, 800, allowed=0.1)


def test_one_block_agrees_parameter_by_parameter(shallow):
    assert max(distances(shallow, SHALLOW).values()) < AGREES


@pytest.mark.parametrize(
    ("mistake", "kernel"),
    [
        (wrong.TemperatureOnce, "key"),
        (wrong.TemperatureOnce, "query"),
        (wrong.MlpSeesStream, "up"),
        (wrong.IdentityOfStream, "output"),
        (wrong.TangentNotNormalised, "value"),
        (wrong.ResidualOnce, "up"),
    ],
)
def test_one_block_refutes_mistakes(shallow, mistake, kernel):
    assert distances(shallow, SHALLOW, mistake)[kernel] > REFUTED


def test_shares_of_the_parameters_add_up():
    """Θ is linear in what it starts from and in what each sublayer adds."""
    for architecture in DEEP.values():
        whole = exact(TEMPLATES, architecture)
        parts = [exact(TEMPLATES, architecture, trained=[p]) for p in PARAMETERS]
        for name in ("tangent", "tangent_self"):
            total = sum(getattr(part, name) for part in parts)
            np.testing.assert_allclose(total, getattr(whole, name), rtol=1e-12)


def test_longer_strings_tend_to_the_one_layer_kernel():
    """K = 4 with `[CLS]`, one block: N of the estimator, which averages exactly."""
    architecture = Architecture(activation=Erf())
    gram = template_gram(ABA_ABB, architecture, max_points=2**10)
    draws = empirical(twice_fresh(ABA_ABB), architecture, SMALL, 800).matrix
    found = Measured(*mean_and_error(by_template(draws)), allowed=0.05)
    truth = entries(gram.matrix, gram.matrix_self)
    assert found.distance(truth) < AGREES
    assert found.errors.max() < 0.02 * truth.max()


class WithoutSoftmax(Recursion):
    """A = M: κ⁺ = κ Σκ², and J is the identity.

    Θ⁺ = 2κ⁺ + κ Σ κΘ̃ + Σ κ (2κ κ + κ Θ̃ + Θ̃ κ), each sum over all pairs of keys.
    """

    def attended(self, pairs, block):
        k, t = pairs.kernel, pairs.tangent
        squares, products = ((k * x).sum((-1, -2), keepdims=True) for x in (k, t))
        values = self.has("value", "output") * k * squares + k * products
        logits = self.has("key", "query") * k * squares + k * products + t * squares
        return k * squares, values + logits


@pytest.mark.slow
def test_without_softmax_kernels_are_products(monkeypatch):
    """The same sums where averages over softmax do not enter, in closed form."""
    architecture = Architecture(readout="last", activation=GELU())
    monkeypatch.setattr(torch.Tensor, "softmax", lambda logits, dim: logits)
    found = extrapolated(architecture, 1600, allowed=0.04)
    assert max(distances(found, architecture, WithoutSoftmax).values()) < AGREES
    assert max(distances(found, architecture).values()) > REFUTED


@dataclass(frozen=True)
class Setting:
    """Blocks, networks of the small size, and mistakes with the kernel that shows them.

    Attributes:
        architecture: of which `mistakes` break a rule that it uses.
        networks: of the small size; half as many of twice the size.
        mistakes: recursions that are wrong, and what refutes each.
    """

    architecture: Architecture
    networks: int
    mistakes: dict[type[Recursion], str]


SETTINGS = {
    "plain": Setting(DEEP["plain"], 800, {}),
    "pre": Setting(
        DEEP["pre"],
        1600,
        {
            wrong.TemperatureOnce: "key",
            wrong.LogitsOfOneString: "matrix",
            wrong.MlpSeesStream: "down",
            wrong.IdentityOfStream: "down",
            wrong.TangentNotNormalised: "value",
        },
    ),
    "post": Setting(
        DEEP["post"],
        1600,
        {
            wrong.TemperatureOnce: "key",
            wrong.PostOnceABlock: "matrix",
            wrong.ResidualOnce: "matrix",
        },
    ),
    "causal": Setting(DEEP["causal"], 1600, {wrong.ResidualOnce: "matrix"}),
    "residual": Setting(
        replace(DEEP["residual"], depth=2), 1600, {wrong.LogitsOfOneString: "positions"}
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS.keys())
def test_deep_networks_agree_and_refute_mistakes(setting):
    """Second order: what is left of a first order of up to a fifth is its square."""
    found = extrapolated(setting.architecture, setting.networks, allowed=0.04)
    assert max(distances(found, setting.architecture).values()) < AGREES
    for mistake, kernel in setting.mistakes.items():
        off = distances(found, setting.architecture, mistake)
        assert off[kernel] > REFUTED, mistake.__name__


@pytest.mark.slow
def test_the_error_falls_as_the_root_of_the_heads():
    """d and m grow with H: then each source of error has the rate −½.

    Of a root mean square over n networks the logarithm has the error 1/√2n at most, as
    entries of one network are alike: 0.1, and 0.05 for the slope over a factor of 16.
    """
    truth = exact(TEMPLATES, SHALLOW)
    known = entries(truth.matrix, truth.matrix_self)[:6]
    errors, heads = [], (4, 16, 64)
    for h in heads:
        widths = Widths(width=16 * h, head_width=16, heads=h, hidden=16 * h)
        draws = empirical(twice_fresh(TEMPLATES), SHALLOW, widths, 50, seed=h).matrix
        off = by_template(draws)[:, :6] - known
        errors.append(math.sqrt((off**2).mean()))
    slope = math.log(errors[2] / errors[0]) / math.log(heads[2] / heads[0])
    assert abs(slope + 0.5) < 0.15
