"""The inner stage: features of templates at given points, wildcards averaged out.

Given the shared randomness of an outer point (`shared_logits`) the logit of key i in
the row of query q is

    μ_i + σ_ξ ξ_{x_i} + σ_η η_i,

with a standard normal ξ for each symbol and η for each position, all independent. The
mean μ_i has the shared part of position i, that of the token x_i if it is regular, and
β a (1[x_i = x_q] + γ² 1[i = q]), which a multiple a of the identity added to W_K W_Qᵀ
brings. The deviations are

    in the row of        σ_ξ of a wildcard    σ_ξ of a regular token    σ_η
    a regular token      β√(1+γ²)             0                         0
    a wildcard           β√(1+γ²)             β                         βγ

Softmax weights s are averaged by a one-dimensional integral over τ, the logarithm of
Laplace's variable, of products with one factor B for each symbol (`symbol_factors`):

    E s_i = ∫ B_{v,i}(τ) Π_{u≠v} B_u(τ) dτ     for a position i of the symbol v,

at a cost linear in the symbols instead of exponential. The integrand is analytic in a
strip of halfwidth π/2, so the trapezoid rule with step h errs by about e^{−π²/h}.

A readout is a mean over rows, and the features of template i are

    f_i = (Σ_{j: x_j = t} E s_j for each regular token t;  γ E s_j for each position j).

Source: symbind; the integral representation is classical.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from numerics.architecture import Architecture
from numerics.attention.laplace_table import FINE, Rule, Window
from numerics.attention.mean_weights import (
    add_mean_weights,
    add_mean_weights_beside,
)
from numerics.attention.shared_logits import Query, SharedLogits, SharedRow, queries_of
from numerics.attention.symbol_factors import (
    SymbolColumns,
    SymbolFactor,
    SymbolFactors,
    SymbolMeans,
)
from numerics.attention.token_positions import (
    LogitKey,
    TokenPositions,
    grouped_by_wildcards,
    logit_keys,
    positions_of_tokens,
)
from numerics.shapes import Float, Int64
from symbind_theory.separation.incidence import incidence_of
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
        defect: the largest |Σ_j E s_j − 1|, zero up to the stage's own error.
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
            it, only on the reference, up to the stage's own error.
        rule: how exact the integrals are to be.

    Attributes:
        templates: the templates.
        tokens: the regular tokens of the reference, `[CLS]` included.
        dimension: standard normals in one outer point.
        device: where it computes.
        dtype: in which precision.

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
        rule: Rule = FINE,
    ) -> None:
        _check_scale(architecture)
        beta, gamma = architecture.beta, architecture.gamma
        self.device, self.dtype = device, dtype
        self.templates = tuple(templates)
        readout = architecture.readout
        self._incidences = [incidence_of(t, readout) for t in templates]
        self._symbols = [
            positions_of_tokens(incidence) for incidence in self._incidences
        ]
        self._queries = queries_of(self._incidences)
        self._keys = self._incidences[0].size
        asked = self._incidences
        if reference is not None:
            asked = [incidence_of(t, readout) for t in reference]
        self._shared = SharedLogits(asked, beta, gamma)
        self.tokens, self.dimension = self._shared.tokens, self._shared.dimension
        self._column = {token: column for column, token in enumerate(self.tokens)}

        self._gamma = gamma
        self._beta_a = beta * architecture.identity_kq
        self._sigma_wildcard = beta * math.hypot(1, gamma)
        self._sigma_regular, self._sigma_eta = beta, beta * gamma
        self._factors = self._symbol_factors(rule)
        self._beside = {
            query: grouped_by_wildcards(self._incidences, users)
            for query, users in self._queries.items()
            if query.token is not None
        }

    def _symbol_factors(self, rule: Rule) -> SymbolFactors:
        """The factors, on a window that holds the logits of all rows."""
        sigma, largest = self._sigma_wildcard, math.log(self._keys)
        if any(query.token is None for query in self._queries):
            sigma = math.hypot(sigma, self._sigma_eta)
            largest += max(self._beta_a, 0.0)
        window = Window.of(self._keys, sigma, self._beta_a, rule)
        return SymbolFactors(window, largest, self.device, self.dtype)

    @property
    def numbers_per_point(self) -> int:
        """How many numbers are held for one outer point, for sizing chunks."""
        coordinates = self._keys + len(self.tokens)
        symbols = max(map(len, self._symbols))
        most = max((len(g) for b in self._beside.values() for g in b), default=1)
        integrals = (3 * symbols + 5 + 3 * most) * self._factors.window.count
        factors = max(map(self._numbers_of_factors, self._queries))
        shared = self.dimension + len(self._queries) * coordinates
        return integrals + factors + shared + 4 * len(self.templates) * coordinates

    def _numbers_of_factors(self, query: Query) -> int:
        """How many numbers the factors of one row take for one outer point."""
        total = len(self._symbols_in(query)) * self._factors.numbers_together()
        if query.token is not None:
            return total
        for sigma_xi, symbols in self._singly_in(query).items():
            keys = {key for symbol in symbols for key in logit_keys(symbol, query)}
            sizes = [len(symbol.positions) for symbol in symbols]
            total += self._factors.numbers_singly(sizes, len(keys), sigma_xi)
        return total

    def __call__(
        self, points: Float[torch.Tensor, "n dimension"]
    ) -> ConditionalFeatures:
        """Average over the wildcards at each outer point.

        Args:
            points: standard normals, one column for each direction.
        """
        points = points.to(self.device, self.dtype)
        weights = points.new_zeros(len(points), len(self.templates), self._keys)
        for query, row in self._shared(points):
            # A reference may have queries that no template here has.
            if query in self._queries:
                self._add_row(query, row, weights)
        weights /= len(self._incidences[0].queries)
        features = torch.cat([self._token_weights(weights), self._gamma * weights], -1)
        defect = float((weights.sum(-1) - 1).abs().max())
        return ConditionalFeatures(features, defect)

    def _add_row(
        self, query: Query, row: SharedRow, weights: Float[torch.Tensor, "n r keys"]
    ) -> None:
        """Add the mean weights of one query's row, for each template that has it."""
        # γ² a at the query itself, whatever symbol it carries.
        position = row.position.clone()
        position[:, query.position] += self._beta_a * self._gamma**2
        if query.token is None:
            self._add_row_of_wildcard(query, SharedRow(position, row.token), weights)
            return
        token = row.token.clone()
        token[:, self._column[query.token]] += self._beta_a
        self._add_row_of_token(query, SharedRow(position, token), weights)

    def _add_row_of_token(
        self, query: Query, row: SharedRow, weights: Float[torch.Tensor, "n r keys"]
    ) -> None:
        """The row of a query that carries a regular token.

        Logits at regular tokens are known; one Gaussian moves those of each wildcard.
        """
        # Only differences matter: centring keeps every exponential within range.
        position = row.position - row.position.amax(1, keepdim=True)
        means = {
            symbol: SymbolMeans(symbol.positions, position[:, list(symbol.positions)])
            for symbol in self._symbols_in(query)
            if symbol.token is None
        }
        factors = self._moved_together(means, self._sigma_wildcard)
        window = self._factors.window
        for together in self._beside[query]:
            random = [factors[s] for s in self._symbols[together[0]] if s.token is None]
            skeletons = [self._incidences[i].skeleton for i in together]
            positions = [j for j, token in enumerate(skeletons[0]) if token is not None]
            columns = [[self._column[s[j] or ""] for j in positions] for s in skeletons]
            mu = position[:, None, positions] + row.token[:, columns]
            known = self._factors.known(tuple(positions), mu)
            add_mean_weights_beside(random, known, window, together, weights)

    def _add_row_of_wildcard(
        self, query: Query, row: SharedRow, weights: Float[torch.Tensor, "n r keys"]
    ) -> None:
        """The row of a query that carries a wildcard.

        A Gaussian moves the logits of each symbol, and one each position by itself.
        """
        centre = row.position.amax(1, keepdim=True)
        if self.tokens:
            centre = centre + row.token.amax(1, keepdim=True).clamp(min=0)
        row = SharedRow(row.position - centre, row.token)
        factors: dict[TokenPositions, SymbolFactor] = {}
        for sigma_xi, symbols in self._singly_in(query).items():
            factors |= self._moved_singly(symbols, query, row, sigma_xi)
        together: dict[float, dict[TokenPositions, SymbolMeans]] = {}
        for symbol in self._symbols_in(query):
            if symbol not in factors:
                sigma = math.hypot(self._sigma_xi(symbol), self._sigma_eta)
                means = self._means(symbol, query, row)
                together.setdefault(sigma, {})[symbol] = means
        for sigma, means_of in together.items():
            factors |= self._moved_together(means_of, sigma)
        for i in self._queries[query]:
            random = [factors[symbol] for symbol in self._symbols[i]]
            add_mean_weights(random, self._factors.window, weights[:, i])

    def _sigma_xi(self, symbol: TokenPositions) -> float:
        """σ_ξ of a symbol in the row of a wildcard."""
        return self._sigma_wildcard if symbol.token is None else self._sigma_regular

    def _singly_in(self, query: Query) -> dict[float, list[TokenPositions]]:
        """The symbols whose positions have Gaussians of their own, by their σ_ξ."""
        found: dict[float, list[TokenPositions]] = {}
        for symbol in self._symbols_in(query) if self._sigma_eta else []:
            if len(symbol.positions) > 1:
                found.setdefault(self._sigma_xi(symbol), []).append(symbol)
        return found

    def _moved_singly(
        self,
        symbols: Sequence[TokenPositions],
        query: Query,
        row: SharedRow,
        sigma_xi: float,
    ) -> dict[TokenPositions, SymbolFactor]:
        """The factors of symbols whose positions have Gaussians of their own."""
        column: dict[LogitKey, int] = {}
        mu: list[torch.Tensor] = []
        for symbol in symbols:
            means = self._means(symbol, query, row).mu.unbind(1)
            for key, mean in zip(logit_keys(symbol, query), means, strict=True):
                if key not in column:
                    column[key] = len(mu)
                    mu.append(mean)
        columns = [
            SymbolColumns(
                symbol.positions,
                tuple(column[key] for key in logit_keys(symbol, query)),
            )
            for symbol in symbols
        ]
        factors = self._factors.moved_singly(
            columns, torch.stack(mu, dim=1), sigma_xi, self._sigma_eta
        )
        return dict(zip(symbols, factors, strict=True))

    def _means(
        self, symbol: TokenPositions, query: Query, row: SharedRow
    ) -> SymbolMeans:
        """μ of one symbol in the row of a wildcard."""
        mu = row.position[:, list(symbol.positions)]
        if symbol.token is not None:
            mu = mu + row.token[:, [self._column[symbol.token]]]
        if query.position in symbol.positions:
            mu = mu + self._beta_a
        return SymbolMeans(symbol.positions, mu)

    def _moved_together(
        self, means: Mapping[TokenPositions, SymbolMeans], sigma: float
    ) -> dict[TokenPositions, SymbolFactor]:
        """The factors of symbols that are moved by one Gaussian each."""
        if not means:
            return {}
        factors = self._factors.moved_together(list(means.values()), sigma)
        return dict(zip(means, factors, strict=True))

    def _symbols_in(self, query: Query) -> list[TokenPositions]:
        """The distinct symbols of the templates that have a query."""
        symbols = (s for i in self._queries[query] for s in self._symbols[i])
        return list(dict.fromkeys(symbols))

    def _token_weights(
        self, weights: Float[torch.Tensor, "n r keys"]
    ) -> Float[torch.Tensor, "n r tokens"]:
        """Σ_{j: x_j = t} E s_j for each regular token t."""
        totals = weights.new_zeros(*weights.shape[:2], len(self.tokens) + 1)
        columns = self._token_columns.to(weights.device)
        every = torch.arange(len(self.templates), device=weights.device)
        # One position at a time: no two writes meet, so the order of sums is fixed.
        for j in range(self._keys):
            totals[:, every, columns[:, j]] += weights[:, :, j]
        return totals[..., :-1]

    @cached_property
    def _token_columns(self) -> Int64[torch.Tensor, "r keys"]:
        """The column of the token at each position; one beyond all for wildcards."""
        beyond = len(self.tokens)
        return torch.tensor(
            [
                [beyond if x is None else self._column[x] for x in incidence.skeleton]
                for incidence in self._incidences
            ]
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
