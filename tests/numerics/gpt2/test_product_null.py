"""What chance gives a product's scores: moments, tails and intervals, by drawing."""

import math

import numpy as np
import pytest
import torch
from symbind_testing.builders.generators import generator

from numerics.gpt2.head_products import (
    Singular,
    compress,
    embedding_bases,
    raw_basis,
    scores_of,
    singular,
)
from numerics.gpt2.product_null import (
    chance_reach,
    directions,
    draw_frames,
    fewest_draws,
    order_statistic,
    trace_tail,
    z_linear,
    z_without_strongest,
)
from numerics.networks.blocks import BlockShape, SelfAttention
from numerics.networks.drawn_parameters import InitialDraws
from numerics.networks.identity_share import head_shares
from symbind_theory import InputError
from symbind_theory.records.architecture import BlockNumbers

D, RANK = 12, 5
SPECTRA = [(1.0,) * RANK, (9.0, 3.0, 1.0, 0.5, 0.0)]


def random_frames(count, seed=0):
    """U and V by numpy alone, with the signs of the triangular factors."""
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(2):
        q, r = np.linalg.qr(rng.standard_normal((count, D, RANK)))
        frames.append(q * np.sign(np.einsum("nii->ni", r))[:, None])
    return frames


def random_products(spectrum, count, seed=0):
    """U Σ Vᵀ written out."""
    u, v = random_frames(count, seed)
    return np.einsum("nir,r,njr->nij", u, np.array(spectrum), v)


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_linear_scores_have_mean_0_and_variance_1(spectrum):
    """For any matrix M, whatever the spectrum.

    4000 draws: the mean's standard error is 1/√4000, that of the variance √(κ/4000)
    with κ ≤ 2 + 6/d of near normal ones, under 5 with one large M; four of each are
    exceeded once in 10⁴.
    """
    products = random_products(spectrum, 4000)
    norms = torch.full((4000,), float(np.linalg.norm(spectrum)), dtype=torch.float64)
    stream = generator(3)
    for m in (
        torch.eye(D, dtype=torch.float64),
        torch.randn(D, D, dtype=torch.float64, generator=stream),
    ):
        inner = torch.from_numpy(np.einsum("nij,ij->n", products, m.numpy()))
        z = z_linear(inner, norms, m).numpy()
        assert abs(z.mean()) < 4 / math.sqrt(4000)
        assert z.var() == pytest.approx(1, abs=4 * math.sqrt(5 / 4000))


def test_z_of_the_trace_is_d_times_the_share_of_networks():
    """Two ways to one number: `identity_share` takes traces of Gram matrices."""
    numbers = BlockNumbers(beta=1.0, identity_kq=0.0, identity_vo=0.0, residual=1.0)
    shape = BlockShape(width=D, heads=3, head_width=RANK, hidden=4)
    block = SelfAttention(shape, numbers, InitialDraws(generator(0), torch.float64))
    by_head = [
        m.detach().unflatten(0, (3, RANK)).mT.contiguous()
        for m in (block.key, block.query)
    ]
    products = singular(*by_head)
    eye = torch.eye(D, dtype=torch.float64)
    z = z_linear(products.contributions.sum(-1), products.norms, eye)
    assert z.numpy() == pytest.approx(D * head_shares(block).keys, rel=1e-10)


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_tails_stay_below_the_proven_bound(spectrum):
    """The bound p of a trace is at most α with probability at most α.

    20 000 draws; four standard errors of a frequency α. At 0.1 the bound holds and is
    within a factor 20 of what occurs, so that it is no empty statement.
    """
    count = 20000
    u, v = map(torch.from_numpy, random_frames(count, 1))
    values = torch.tensor(spectrum, dtype=torch.float64).expand(count, RANK)
    p = trace_tail(Singular(u, values, v)).numpy()
    for alpha in (0.5, 0.1, 0.01):
        assert (p <= alpha).mean() < alpha + 4 * math.sqrt(alpha / count)
    assert (p <= 0.1).mean() > 0.1 / 20


def test_the_bound_by_hand():
    """2 exp(−x²/(2 Σ σ_i²/(d − i + 1))), with x = 3 and σ = (2, 1) in d = 4."""
    eye = torch.eye(4, dtype=torch.float64)[:, :2]
    factor = (eye * torch.tensor([2.0, 1.0], dtype=torch.float64)).unsqueeze(0)
    products = singular(factor, eye.unsqueeze(0))
    spread = 4 / 4 + 1 / 3
    expected = min(1.0, 2 * math.exp(-9 / (2 * spread)))
    assert float(trace_tail(products)[0]) == pytest.approx(expected, rel=1e-12)


def test_frames_are_orthonormal_and_uniform():
    """E U_ia² = 1/d and E U_ia = 0, in the first row as in all others."""
    frames = draw_frames(4000, D, RANK, generator(1))
    for frame in (frames.left, frames.right):
        gram = frame.mT @ frame
        eye = torch.eye(RANK, dtype=torch.float64).expand_as(gram)
        torch.testing.assert_close(gram, eye, atol=1e-12, rtol=0)
        # 60 entries, 4000 draws of variance 1/12: 4.5 standard errors.
        assert frame.mean(0).abs().max() < 4.5 / math.sqrt(D * 4000)
    product = (frames.left * frames.right).sum((1, 2))
    assert abs(float(product.mean())) < 4 * math.sqrt(RANK / D / 4000)


def test_intervals_of_chance_cover_at_their_level():
    """k of N + 1 exchangeable numbers: coverage k/(N + 1), here 19/20 exactly.

    2000 independent heads, each against its own 19 draws, for a score that is not
    linear, between embeddings that share a direction: four standard errors.
    """
    trials, n = 2000, 19
    embeddings = torch.randn(30, D, dtype=torch.float64, generator=generator(2)) + 1
    gain = torch.ones(D, dtype=torch.float64)
    _, basis = embedding_bases(
        embeddings.T @ embeddings, embeddings.sum(0), 30, gain, True
    )
    frames = draw_frames(trials * (n + 1), D, RANK, generator(4))
    spectrum = torch.tensor(SPECTRA[1], dtype=torch.float64)
    scores = scores_of(compress(basis, frames.left, frames.right), spectrum)
    assert order_statistic(n, 0.95) == 19
    for name in ("share", "excess", "copying"):
        drawn = getattr(scores, name).reshape(trials, n + 1)
        reach = chance_reach(drawn[:, 1:], 0.95)
        covered = float((drawn[:, 0].abs() <= reach).double().mean())
        assert covered == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / trials))


def test_fewer_draws_than_a_level_needs_are_refused():
    assert fewest_draws(0.95) == 19
    assert fewest_draws(0.99) == 99
    with pytest.raises(InputError, match="draws is 18; expected at least 19"):
        order_statistic(18, 0.95)


def test_directions_tell_one_shared_direction_from_many():
    """One direction that makes the whole trace counts 1, r equal ones count r.

    Without the strongest direction nothing is left of the first trace, and of the
    second the trace of a projection of rank r − 1: z = √(d (r − 1)).
    """
    frame = torch.linalg.qr(random_frame(RANK + 2)).Q
    one = torch.cat([frame[:, :1], frame[:, 1:3]], 1)
    other = torch.cat([frame[:, :1], frame[:, 3:5]], 1)
    shared = singular(one.unsqueeze(0), other.unsqueeze(0))
    identity = singular(frame[:, :RANK].unsqueeze(0), frame[:, :RANK].unsqueeze(0))
    assert float(directions(identity)[0]) == pytest.approx(RANK)
    assert float(z_without_strongest(identity)[0]) == pytest.approx(
        math.sqrt(D * (RANK - 1))
    )
    strong = shared.contributions
    assert float(directions(shared)[0]) == pytest.approx(
        float(strong.sum() ** 2 / (strong**2).sum())
    )
    weights = torch.tensor([3.0, 1.0, 1.0], dtype=torch.float64)
    uneven = singular((one * weights).unsqueeze(0), other.unsqueeze(0))
    assert float(directions(uneven)[0]) == pytest.approx(1)
    assert float(z_without_strongest(uneven)[0]) == pytest.approx(0, abs=1e-12)


def random_frame(columns):
    return torch.randn(D, columns, dtype=torch.float64, generator=generator(8))


def test_a_product_of_zero_is_no_evidence():
    zero = torch.zeros(1, D, RANK, dtype=torch.float64)
    products = singular(zero, zero)
    assert float(trace_tail(products)[0]) == 1
    assert float(directions(products)[0]) == 0
    assert float(z_without_strongest(products)[0]) == 0
    eye = raw_basis(D).cross
    assert float(z_linear(products.contributions.sum(-1), products.norms, eye)[0]) == 0
