"""Single coefficients of the brute-force series, to hold witnesses against."""


def coefficient_in(series, index, order, coordinate, variable):
    """A coefficient of f_i^(order), as {power of gamma: number as text}."""
    polynomial = series.features[index][order].get(coordinate)
    if polynomial is None:
        return {}
    wanted = None
    if variable is not None:
        # [CLS] at the last position is one query: its rows come as sums, N(0, 1 + γ²),
        # of which the position's own row carries one more power of gamma.
        last = max(p for (kind, p) in series.features[index][0] if kind == "position")
        cls = series.readout == "cls"
        row = ("token", "[CLS]") if cls else ("position", last)
        wanted = next(
            (g for g, pair in series.names.items() if pair == (row, variable)), None
        )
        if wanted is None:
            return {}
    extra = int(variable is not None and series.readout == "cls")
    found = {}
    for exponents, number in polynomial.to_dict().items():
        gaussians = {i: e for i, e in enumerate(exponents) if i >= 2 and e}
        if gaussians == ({} if wanted is None else {wanted: 1}):
            found[exponents[0] + extra] = str(number)
    return found
