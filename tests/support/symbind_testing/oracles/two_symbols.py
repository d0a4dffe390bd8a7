"""αα / αβ with the identity a, by the trapezoid rule: an independent oracle.

Strings of two symbols have one or two differences of logits. Between strings that share
no token these are Gaussians whose covariances are κ(q, q') κ(i, j), so every entry is
a double average: over what the strings share, and of what each has by itself. On the
real line the trapezoid rule converges exponentially for such integrands, far out too;
Gauss-Hermite rules do not reach what decides here.
"""

import math
from dataclasses import dataclass

import numpy as np

# Beyond nine deviations lies 1e-19 of a Gaussian, times what is at most 1.
_REACH = 9.0


@dataclass(frozen=True)
class Exact:
    """What the two templates have: the same, then the different one.

    Attributes:
        attention: C.
        self_values: d.
        gap: C_00 + C_11 − 2 C_01, from distances.
        smallest_of_c: λ_min(C), from singular values of the features.
        matrix: N for cos(b1 t + b2).
        smallest: λ_min(N).
    """

    attention: np.ndarray
    self_values: np.ndarray
    gap: float
    smallest_of_c: float
    matrix: np.ndarray
    smallest: float


def two_symbols(readout, identity_kq, beta=1.0, gamma=1.0, step=0.25, b1=1.0, b2=0.3):
    """The exact values for one readout, `step` apart in each standard normal."""
    if readout == "cls":
        f, weights, d = _cls(beta, gamma, identity_kq, step)
    else:
        f, weights, d = _pair(beta, gamma, identity_kq, step)
    rows = np.sqrt(weights)[:, None, None] * f
    if readout == "mean":
        mean = np.einsum("n,ncr->cr", weights, f)
        rows, d = _mean_of_rows(rows, np.sqrt(weights), mean, d, gamma)
        d[0] += _rows_of_one_symbol(beta, gamma, identity_kq, step) / 2
    flat = rows.reshape(-1, 2)
    attention = flat.T @ flat
    gap = float(((flat[:, 0] - flat[:, 1]) ** 2).sum())
    smallest_of_c = float(np.linalg.svd(flat, compute_uv=False)[-1] ** 2)
    x, y = d[:, None], d[None, :]
    near = np.exp(-(b1**2) * (x + y - 2 * attention) / 2)
    far = np.exp(-(b1**2) * (x + y + 2 * attention) / 2)
    matrix = (near + math.cos(2 * b2) * far) / 2
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    return Exact(attention, d, gap, smallest_of_c, matrix, smallest)


def sharing(x, y, identity_kq, beta=1.0, gamma=1.0, step=0.05):
    """K_attn of two strings of two symbols, the second read, whatever they share.

    A string's difference of logits is Gaussian, and so are two together; its query is
    the second symbol, and

        K = Σ_ij E s_i t_j κ(i, j),    κ(i, j) = 1[x_i = y_j] + γ² 1[i = j].
    """
    kappa = {
        (a, b): np.equal.outer(list(a), list(b)) + gamma**2 * np.eye(2)
        for a in (x, y)
        for b in (x, y)
    }
    mean = [
        beta * identity_kq * (k[0, 1] - k[1, 1]) for k in (kappa[x, x], kappa[y, y])
    ]
    covariance = beta**2 * np.array(
        [[_of_differences(kappa[a, b]) for b in (x, y)] for a in (x, y)]
    )
    own = math.sqrt(covariance[0, 0])
    common = covariance[0, 1] / own
    rest = math.sqrt(max(0.0, covariance[1, 1] - common**2))
    z, w = _normal(step)
    u = mean[0] + own * z[:, None]
    v = mean[1] + common * z[:, None] + rest * z
    first, second = ([_sigmoid(t), _sigmoid(-t)] for t in (u, v))
    k = kappa[x, y]
    return sum(
        k[i, j] * (w @ (first[i] * second[j]) @ w) for i in range(2) for j in range(2)
    )


def _of_differences(kappa):
    """The covariance of two differences of logits, of keys 1 and 2 for query 2."""
    return kappa[1, 1] * (kappa[0, 0] - kappa[0, 1] - kappa[1, 0] + kappa[1, 1])


def _normal(step):
    """Nodes and weights of the trapezoid rule for a standard normal."""
    x = np.arange(-round(_REACH / step), round(_REACH / step) + 1) * step
    w = np.exp(-(x**2) / 2)
    return x, w / w.sum()


def _pair(beta, gamma, a, step):
    """Two keys, the second read: f at nodes of the shared difference; and d.

    u = logit of key 1 − logit of key 2 has the mean βa(1[x_1 = x_2] − 1 − γ²), the
    variance β²(1+γ²)(2γ² + 2·1[x_1 ≠ x_2]), of which 2β²γ⁴ is shared.
    """
    z, shared_weights = _normal(step)
    e, weights = _normal(step / 2)
    features, d = [], []
    for same in (True, False):
        mean = beta * a * (same - 1 - gamma**2)
        variance = beta**2 * (1 + gamma**2) * (2 * gamma**2 + 2 * (not same))
        shared = 2 * beta**2 * gamma**4
        u = mean + math.sqrt(shared) * z[:, None] + math.sqrt(variance - shared) * e
        first, second = (_sigmoid(u) @ weights, _sigmoid(-u) @ weights)
        features.append(gamma * np.stack([first, second], axis=1))
        u = mean + math.sqrt(variance) * e
        squares = (_sigmoid(u) ** 2 + _sigmoid(-u) ** 2) @ weights
        d.append(1 + gamma**2 * squares if same else (1 + gamma**2) * squares)
    return np.stack(features, axis=2), shared_weights, np.array(d)


def _mean_of_rows(rows, root, mean, d, gamma):
    """From the second row to the mean of both, which are mirror images.

    Across strings, and in αβ, the two are independent: their products are those of the
    means. What two rows of αα have together is left out of its d.
    """
    away = rows - root[:, None, None] * mean
    rows = np.stack([*away / 2, *away[:, ::-1] / 2, (mean + mean[::-1]) / 2])
    other = (1 + gamma**2) / gamma**2 * (mean[:, 1] @ mean[::-1, 1])
    return rows, np.array([d[0] / 2, (d[1] + other) / 2])


def _rows_of_one_symbol(beta, gamma, a, step):
    """E s_1 K s_2 of αα, K its 1 + γ² 1[i = j]: a double integral.

    The differences of logits of the two rows have the mean ±βaγ², the variance
    2β²γ²(1+γ²) and the covariance 2β²γ², as κ(1, 2) = 1.
    """
    z, w = _normal(step)
    common = math.sqrt(2) * beta * gamma * z[:, None]
    u = common + math.sqrt(2) * beta * gamma**2 * z
    first = _sigmoid(u + beta * a * gamma**2) @ w
    second = _sigmoid(u - beta * a * gamma**2) @ w
    return 1 + gamma**2 * (w @ (first * second + (1 - first) * (1 - second)))


def _sigmoid(u):
    return 1 / (1 + np.exp(-u))


def _cls(beta, gamma, a, step):
    """Two keys and [CLS], which is read: f at nodes of both shared differences; and d.

    y_i = βγ√(1+γ²) (p_i − p_CLS) − β√(1+γ²) g_CLS − βa(1+γ²) for i = 1, 2, to which
    each wildcard adds a Gaussian of variance β²(1+γ²).
    """
    z, w = _normal(step)
    spread = beta * math.sqrt(1 + gamma**2)
    covariance = spread**2 * (gamma**2 * (np.eye(2) + 1) + 1)
    y = np.linalg.cholesky(covariance) @ np.stack(
        [np.repeat(z, len(z)), np.tile(z, len(z))]
    )
    y -= beta * a * (1 + gamma**2)
    shared_weights = np.repeat(w, len(w)) * np.tile(w, len(w))
    g, v = _normal(2 * step)
    vv = v[:, None] * v
    features, d = np.empty((len(shared_weights), 4, 2)), np.zeros(2)
    for n, (y_1, y_2) in enumerate(y.T):
        same = _softmax(y_1 + spread * g, y_2 + spread * g)
        other = _softmax(y_1 + spread * g[:, None], y_2 + spread * g)
        for i, (s, weight) in enumerate(((same, v), (other, vv))):
            mean = np.array([(x * weight).sum() for x in s])
            features[n, :, i] = [*(gamma * mean), mean[2]]
            first, second, cls = s
            tokens = (first + second) ** 2 if i == 0 else first**2 + second**2
            positions = first**2 + second**2 + cls**2
            square = tokens + cls**2 + gamma**2 * positions
            d[i] += shared_weights[n] * (square * weight).sum()
    return features, shared_weights, d


def _softmax(y_1, y_2):
    """Softmax of (y_1, y_2, 0), component by component."""
    y_1, y_2 = np.broadcast_arrays(y_1, y_2)
    top = np.maximum(np.maximum(y_1, y_2), 0)
    raised = [np.exp(y_1 - top), np.exp(y_2 - top), np.exp(-top)]
    total = sum(raised)
    return [x / total for x in raised]
