"""The inner stage: softmax weights averaged over a template's wildcards, exactly.

Given the shared randomness (positions, regular tokens) the wildcards' part of the
logits is Gaussian, independent from symbol to symbol. With S the softmax denominator,
1/S = ∫₀^∞ e^{−tS} dt turns E[softmax] into a one-dimensional integral over τ = log t of
products with one factor for each symbol: cost linear in the symbols instead of
exponential. The integrand is analytic in a strip of half-width π/2, so the trapezoid
rule with step h errs by about e^{−π²/h}.

The row of a query that carries a regular token has known logits at regular tokens, and
one Gaussian of variance 1+γ² for each wildcard. In the row of a wildcard everything is
random: each symbol has a Gaussian, of variance 1 (regular tokens) or 1+γ² (wildcards),
and each position one of variance γ². A readout is a mean over rows.

Source: symbind; the integral representation is classical.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from numerics.architecture import Architecture
from numerics.attention.laplace_table import Window
from numerics.attention.shared_logits import Query, SharedLogits, SharedRow, queries_of
from numerics.attention.softmax_blocks import (
    Block,
    KnownBlocks,
    SoftmaxBlocks,
    mean_weights,
)
from numerics.shapes import Float
from symbind_theory.separation.incidence import Incidence, incidence_of
from symbind_theory.templates import Template
from symbind_theory.validation import InputError

__all__ = ["MAX_LOGIT_SCALE", "ConditionalFeatures", "ConditionalSoftmax"]

MAX_LOGIT_SCALE = 150.0
"""Largest σ = β√(1+γ²), and largest β|a|(1+γ²), for which this stage was verified."""


@dataclass(frozen=True, slots=True)
class ConditionalFeatures:
    """What the inner stage returns for n outer points and r templates.

    Attributes:
        features: f_i at each point: regular tokens' coordinates, then positions'
            times γ; shape (n, r, T + K).
        defect: the largest |Σ_i E s_i − 1|, zero up to the stage's own error.
    """

    features: Float[torch.Tensor, "n r coordinates"]
    defect: float


class ConditionalSoftmax:
    """Features f_i of templates at given outer points, without the identity b.

    Args:
        templates: distinct templates of one length k.
        architecture: the transformer, of depth 1.
        device: where to compute.
        dtype: in which precision.
        reference: templates that decide what an outer point is, whose tokens and
            queries include those of `templates`; `templates` themselves when None.
            Features of a template do not depend on which others are asked for beside
            it, only on the reference.

    Attributes:
        tokens: the regular tokens of the reference, `[CLS]` included.
        dimension: standard normals in one outer point.

    Raises:
        InputError: logits beyond `MAX_LOGIT_SCALE`.
    """

    def __init__(
        self,
        templates: Sequence[Template],
        architecture: Architecture,
        device: torch.device,
        dtype: torch.dtype = torch.float64,
        reference: Sequence[Template] | None = None,
    ) -> None:
        _check_scale(architecture)
        beta, gamma = architecture.beta, architecture.gamma
        self.device, self.dtype = device, dtype
        self.templates = tuple(templates)
        self._seen = [incidence_of(t, architecture.readout) for t in templates]
        self._symbols = [_symbols(seen) for seen in self._seen]
        self._gamma = gamma
        self._shift = beta * architecture.identity_kq
        asked = self._seen
        if reference is not None:
            asked = [incidence_of(t, architecture.readout) for t in reference]
        self._logits = SharedLogits(asked, beta, gamma)
        self._users = queries_of(self._seen)
        self.tokens = self._logits.tokens
        self.dimension = self._logits.dimension
        self._wildcard = beta * math.hypot(1, gamma)
        self._regular, self._position = beta, beta * gamma
        keys = self._seen[0].size
        wild = any(query.token is None for query in self._users)
        sigma = math.hypot(self._wildcard, self._position) if wild else self._wildcard
        largest = math.log(keys) + (max(self._shift, 0.0) if wild else 0.0)
        window = Window.of(keys, sigma, self._shift)
        self._blocks = SoftmaxBlocks(window, largest, device, dtype)

    @property
    def numbers_per_point(self) -> int:
        """Float64 numbers held for one outer point, for sizing chunks."""
        r, keys = len(self._seen), self._seen[0].size
        widest = max(map(len, self._symbols))
        in_flight = (3 * widest + 8) * self._blocks.window.count
        in_flight += max(
            sum(
                self._blocks.numbers(
                    len(symbol.where),
                    self._wildcard,
                    0.0 if query.token else self._position,
                )
                for symbol in {s for i in users for s in self._symbols[i]}
            )
            for query, users in self._users.items()
        )
        shared = self.dimension + len(self._users) * (keys + len(self.tokens))
        return in_flight + shared + 4 * r * (keys + len(self.tokens))

    def __call__(
        self, points: Float[torch.Tensor, "n dimension"]
    ) -> ConditionalFeatures:
        """Average over the wildcards at each outer point.

        Args:
            points: standard normals, one column for each direction.
        """
        points = points.to(self.device, self.dtype)
        keys = self._seen[0].size
        weights = points.new_zeros(len(points), len(self._seen), keys)
        for query, row in self._logits(points):
            if query not in self._users:
                continue
            # The identity's γ² a at the query itself, whatever symbol it carries.
            row.position[:, query.position] += self._shift * self._gamma**2
            if query.token is None:
                self._wildcard_rows(query, row, weights)
            else:
                self._regular_rows(query, row, weights)
        weights /= len(self._seen[0].queries)
        features = torch.cat([self._token_weights(weights), self._gamma * weights], -1)
        defect = float((weights.sum(-1) - 1).abs().max())
        return ConditionalFeatures(features, defect)

    def _regular_rows(
        self, query: Query, row: SharedRow, weights: Float[torch.Tensor, "n r keys"]
    ) -> None:
        """Rows of a query that carries a regular token."""
        # Only differences matter: centring keeps every exponential within range.
        position = row.position - row.position.amax(1, keepdim=True)
        token = row.token
        token[:, self._column(query.token)] += self._shift
        users = self._users[query]
        wild = dict.fromkeys(
            s.where for i in users for s in self._symbols[i] if s.token is None
        )
        means = [(where, position[:, list(where)]) for where in wild]
        found = self._blocks.moved_together(means, self._wildcard) if means else []
        blocks = {block.where: block for block in found}
        known: dict[tuple[str | None, ...], KnownBlocks] = {}
        for i in users:
            seen = self._seen[i]
            if seen.skeleton not in known:
                where = tuple(a for a, x in enumerate(seen.skeleton) if x is not None)
                columns = [self._column(seen.skeleton[a]) for a in where]
                logits = position[:, list(where)] + token[:, columns]
                known[seen.skeleton] = self._blocks.known(where, logits)
            random = [blocks[s.where] for s in self._symbols[i] if s.token is None]
            mean_weights(random, known[seen.skeleton], weights[:, i])

    def _wildcard_rows(
        self, query: Query, row: SharedRow, weights: Float[torch.Tensor, "n r keys"]
    ) -> None:
        """Rows of a query that carries a wildcard."""
        centre = row.position.amax(1, keepdim=True)
        if self.tokens:
            centre = centre + row.token.amax(1, keepdim=True).clamp(min=0)
        position = row.position - centre
        users = self._users[query]
        wanted = dict.fromkeys(s for i in users for s in self._symbols[i])
        together: dict[float, list[_Symbol]] = {}
        blocks: dict[_Symbol, Block] = {}
        means = {}
        for symbol in wanted:
            mean = position[:, list(symbol.where)]
            if symbol.token is not None:
                mean = mean + row.token[:, [self._column(symbol.token)]]
            if query.position in symbol.where:
                mean = mean + self._shift
            means[symbol] = mean
            moved = self._wildcard if symbol.token is None else self._regular
            if self._position == 0 or len(symbol.where) == 1:
                deviation = math.hypot(moved, self._position)
                together.setdefault(deviation, []).append(symbol)
            else:
                blocks[symbol] = self._blocks.moved_singly(
                    symbol.where, mean, moved, self._position
                )
        for deviation, symbols in together.items():
            given = [(symbol.where, means[symbol]) for symbol in symbols]
            found = self._blocks.moved_together(given, deviation)
            blocks |= dict(zip(symbols, found, strict=True))
        for i in users:
            random = [blocks[symbol] for symbol in self._symbols[i]]
            mean_weights(random, None, weights[:, i])

    def _column(self, token: str | None) -> int:
        assert token is not None
        return self.tokens.index(token)

    def _token_weights(
        self, weights: Float[torch.Tensor, "n r keys"]
    ) -> Float[torch.Tensor, "n r tokens"]:
        """The weight of each regular token: the sum over its positions."""
        totals = weights.new_zeros(*weights.shape[:2], len(self.tokens))
        for i in range(len(self._seen)):
            for symbol in self._symbols[i]:
                if symbol.token is not None:
                    column = weights[:, i, list(symbol.where)].sum(-1)
                    totals[:, i, self._column(symbol.token)] = column
        return totals


@dataclass(frozen=True, slots=True)
class _Symbol:
    """The positions of one symbol, and its token if it is regular."""

    where: tuple[int, ...]
    token: str | None


def _symbols(seen: Incidence) -> tuple[_Symbol, ...]:
    where: dict[str | int, list[int]] = {}
    for position, symbol in enumerate(seen.symbols):
        where.setdefault(symbol, []).append(position)
    return tuple(
        _Symbol(tuple(positions), x if isinstance(x, str) else None)
        for x, positions in where.items()
    )


def _check_scale(architecture: Architecture) -> None:
    beta, gamma = architecture.beta, architecture.gamma
    sigma = beta * math.hypot(1, gamma)
    if sigma > MAX_LOGIT_SCALE:
        raise InputError(
            f"beta*sqrt(1 + gamma^2) is {sigma:g}; expected at most "
            f"{MAX_LOGIT_SCALE:g}, the largest logit scale this version integrates"
        )
    moved = beta * abs(architecture.identity_kq) * (1 + gamma**2)
    if moved > MAX_LOGIT_SCALE:
        raise InputError(
            f"beta*identity_kq*(1 + gamma^2) is {moved:g}; expected at most "
            f"{MAX_LOGIT_SCALE:g}, the largest logit this version integrates"
        )
