"""Verify a separation certificate, trusting nothing but this file.

    python certificate_verifier.py certificate.json

Standard library only; the file runs on its own. From the templates it derives again, in
exact arithmetic, at which order in beta each pair's attention features separate, which
templates agree at the orders below, and both coefficients that witness the difference.

Notation: K keys, n_t the counts of regular tokens, R and J the incidences of regular
tokens and of wildcards, P = I - 11'/K. The query is the last key, or each key in turn
for the mean readout. Features are read at positions (times gamma) and at regular
tokens; G[q, .] is the last position's row of the standard normals that all templates
share. Coefficients, as polynomials in gamma:

    order 0, token t                         n_t / K
    order 0, position a                      gamma / K, 0 beyond the last key
    order 1, position a, variable G[q, t]    gamma^2 (R_at - n_t/K) / K            (*)
    order 2, position a, no variable         gamma (s_a - mean s) / 2K,  s = diag S
    order 3, position a, variable G[q, c]    gamma^3 (P_ac s_a - 2 S_ac/K - s_c/K) / 2K,
                                             s = diag S less its mean              (*)
    S = (1 + gamma^2) PJP + w (PRR'P + gamma^2 P)

with w = 0 where the last key is a regular token, 1 where it is a wildcard; under the
mean readout w is the share of wildcards among all keys at order 2, and (*) is divided
by K. Features agree at order 0 if K and the counts do, then at order 1 if R does, and
at order 2 if the diagonal of PJP less its mean does; at order 3 they differ if PJP
does.

Exit status: 0 verified, 1 rejected, 2 the file not read or the output not written.
"""

import json
import os
import re
import sys
import unicodedata
from fractions import Fraction

FORMAT = "symbind separation certificate"
FORMAT_VERSION = 2
READOUTS = ("cls", "last", "mean")
CLS = "[CLS]"

_ONE_LAYER = (
    "Let f_i be the attention features of template i, averaged over its wildcards, "
    "under the {readout} readout: one softmax attention layer with Gaussian weights "
    "and no identity terms, in the limit of wide layers. For every pair i != j and "
    "every gamma != 0, f_i and f_j agree at all powers of beta below the pair's order "
    "L and differ at order L, as the witness shows; so the gap E|f_i - f_j|^2 is "
    "c beta^(2L) + O(beta^(2L+2)) with c > 0, and positive for all but isolated "
    "beta != 0. No two templates are equal up to a renaming of wildcards: by Theorem S "
    "the matrix C of E<f_i, f_j> is positive definite for every beta != 0 and "
    "gamma != 0, and so is the template matrix N for every square-integrable "
    "activation that is not constant."
)

_DEEPER = (
    " By Theorem D so is the template matrix of every network of one or more blocks of "
    "attention and MLP with that readout (mean: of the last block's output), in the "
    "same limit, whose positions are embedded with gamma != 0 and whose first block "
    "has beta != 0: whatever beta is in later blocks, for any multiples of the "
    "identity added in any block, with or without a causal mask and a normalisation "
    "(before sublayers, after them, or at the end), as long as in every block the MLP "
    "has a residual connection of a factor other than 0 or an activation that is not "
    "constant, and activations are square-integrable under the normal laws that occur. "
    "Logits may have a bias by position besides, fixed or drawn for each head, if "
    "later blocks with beta = 0 have a residual connection."
)

STATEMENTS = {1: _ONE_LAYER, 2: _ONE_LAYER + _DEEPER}
"""By format version. The first has templates of one length alone."""

_FIELDS = {
    "format",
    "format_version",
    "package_version",
    "readout",
    "templates",
    "statement",
    "agreement",
    "pairs",
}
_PAIR_FIELDS = {"i", "j", "order", "coordinate", "variable", "values"}
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*[a-z0-9.+-]*", re.ASCII)


MOST_NUMBERS = 2 * 10**7
"""Limit on templates times squared keys, the numbers held: about 1 GB."""


class Rejected(Exception):
    """The certificate is not a proof of its statement; the message says where."""


def check(document):
    """Raise `Rejected` unless the document, as parsed from JSON, proves its statement.

    The package version is where it came from and proves nothing; only its form is
    checked.
    """
    _fields(document, _FIELDS, "certificate")
    _equal(document["format"], FORMAT, "format")
    form = document["format_version"]
    if type(form) is not int or form not in STATEMENTS:
        raise Rejected(f"format_version is not {' or '.join(map(str, STATEMENTS))}")
    version = document["package_version"]
    if type(version) is not str or not _VERSION.fullmatch(version):
        raise Rejected("package_version is not a version")
    readout = document["readout"]
    if type(readout) is not str or readout not in READOUTS:
        raise Rejected(f"readout is not one of {', '.join(READOUTS)}")
    _equal(document["statement"], STATEMENTS[form].format(readout=readout), "statement")
    templates = document["templates"]
    if type(templates) is not list or not templates:
        raise Rejected("templates is not a list of at least one")
    symbols = [_parse(text) for text in templates]
    if form == 1 and len({len(row) for row in symbols}) > 1:
        raise Rejected("templates have different lengths, which takes format_version 2")
    if sum((len(row) + 1) ** 2 for row in symbols) > MOST_NUMBERS:
        raise Rejected("the templates are too many or too long for this verifier")
    series = [_Series(row, readout) for row in symbols]
    classes = _classes(series)
    expected = {str(l): _groups(classes[l]) for l in range(3)}
    _equal(document["agreement"], expected, "agreement")
    pairs = document["pairs"]
    count = len(series)
    if type(pairs) is not list or len(pairs) != count * (count - 1) // 2:
        raise Rejected("pairs does not list every pair once")
    wanted = ((i, j) for i in range(count) for j in range(i + 1, count))
    for pair, (i, j) in zip(pairs, wanted, strict=True):
        _check_pair(pair, i, j, series, classes)


def _check_pair(pair, i, j, series, classes):
    """Order and witness of one pair."""
    where = f"pair ({i}, {j})"
    _fields(pair, _PAIR_FIELDS, where)
    _equal(pair["i"], i, f"{where}: i")
    _equal(pair["j"], j, f"{where}: j")
    order = next((l for l in range(4) if classes[l][i] != classes[l][j]), None)
    if order is None:
        raise Rejected(f"{where}: the templates are equivalent")
    _equal(pair["order"], order, f"{where}: order")
    size = max(series[i].size, series[j].size)
    place = _place(order, pair["coordinate"], pair["variable"], size, where)
    values = [s.coefficient(order, place) for s in (series[i], series[j])]
    _equal(pair["values"], [_written(v) for v in values], f"{where}: values")
    apart = [x - y for x, y in zip(*(v.values() for v in values), strict=True)]
    # The powers at one place, {0}, {1}, {2}, {1, 3} or {3, 5}, have one parity. So with
    # coefficients of one sign, not all 0, gamma = 0 is the only zero, also among
    # negative gamma: what is left of it is a power of gamma times such a sum in its
    # square.
    if not (any(apart) and (min(apart) >= 0 or max(apart) <= 0)):
        raise Rejected(f"{where}: the two values do not differ for every gamma != 0")


def _place(order, coordinate, variable, size, where):
    """The place of a coefficient: its position or token, then that of its variable."""
    first, second = f"{where}: coordinate", f"{where}: variable"
    if order == 0:
        _equal(variable, None, second)
        if type(coordinate) is dict and "position" in coordinate:
            return (_position(coordinate, size, first),)
        return (_token(coordinate, first),)
    position = _position(coordinate, size, first)
    if order == 1:
        return position, _token(variable, second)
    if order == 2:
        _equal(variable, None, second)
        return (position,)
    return position, _position(variable, size, second)


def _position(field, size, where):
    _fields(field, {"position"}, where)
    position = field["position"]
    if type(position) is not int or not 0 <= position < size:
        raise Rejected(f"{where} is not a position")
    return position


def _token(field, where):
    _fields(field, {"token"}, where)
    token = field["token"]
    if type(token) is not str:
        raise Rejected(f"{where} is not a token")
    return token


class _Series:
    """Incidence data of one template, and coefficients of its features."""

    def __init__(self, symbols, readout):
        if readout == "cls":
            symbols = [*symbols, (False, CLS)]
        self.size = len(symbols)
        self.regular = [None if wild else name for wild, name in symbols]
        self.mean = readout == "mean"
        wildcards = [name if wild else None for wild, name in symbols]
        self.counts = {t: self.regular.count(t) for t in self.regular if t is not None}
        self.j = _centred(wildcards)
        self.r = _centred(self.regular)
        self.query_wild = int(symbols[-1][0])
        self.wild_share = Fraction(sum(wild for wild, _ in symbols), self.size)
        self.coefficients = {}

    def keys(self):
        """What the features depend on, order by order."""
        diagonal = [self.j[a][a] for a in range(self.size)]
        trace = sum(diagonal)
        return [
            (self.size, frozenset(self.counts.items())),
            tuple(self.regular),
            tuple(self.size * entry - trace for entry in diagonal),
            tuple(map(tuple, self.j)),
        ]

    def coefficient(self, order, place):
        """The coefficient at an order and place, as {power of gamma: number}."""
        if (order, place) not in self.coefficients:
            by_order = (self._count, self._position, self._frequency, self._pattern)
            self.coefficients[order, place] = by_order[order](*place)
        return self.coefficients[order, place]

    def _count(self, place):
        if type(place) is int:
            return {1: Fraction(place < self.size, self.size)}
        return {0: Fraction(self.counts.get(place, 0), self.size)}

    def _position(self, a, token):
        own = self.size * (self.regular[a] == token) - self.counts.get(token, 0)
        return {2: Fraction(own, self.size ** (3 if self.mean else 2))}

    def _frequency(self, a):
        # The matrices hold K^2 times PJP and PRR'P.
        scale = Fraction(1, 2 * self.size**3)
        of_j, of_r = (_deviation(m, a) for m in (self.j, self.r))
        wild = self.wild_share if self.mean else self.query_wild
        return {1: scale * (of_j + wild * of_r), 3: scale * of_j}

    def _pattern(self, a, c):
        scale = Fraction(1, 2 * self.size ** (4 if self.mean else 3))
        p = (a == c) - Fraction(1, self.size)
        of_j, of_r = (
            p * _deviation(m, a)
            - Fraction(2 * m[a][c], self.size)
            - _deviation(m, c) / self.size
            for m in (self.j, self.r)
        )
        return {
            3: scale * (of_j + self.query_wild * of_r),
            5: scale * (of_j - 2 * self.size * self.query_wild * p),
        }


def _parse(text):
    """[(whether a wildcard, name)] for a template as the package writes it."""
    if type(text) is not str or not text or text.split() != text.split(" "):
        raise Rejected("a template is not tokens separated by single spaces")
    symbols = []
    for token in text.split(" "):
        if token == CLS:
            raise Rejected(f"a template contains {CLS}")
        if any(unicodedata.category(character) == "Cc" for character in token):
            raise Rejected("a template contains a control character")
        if token[0] == "?" and len(token) > 1:
            symbols.append((True, token[1:]))
        else:
            symbols.append((len(token) == 1 and "α" <= token <= "ω", token))
    return symbols


def _centred(names):
    """K^2 P M P for the matrix M[a][b] = 1 where names a and b are equal, not None."""
    K = len(names)
    rows = [0 if x is None else names.count(x) for x in names]
    total = sum(rows)
    return [
        [
            K**2 * (x is not None and x == y) - K * (m + n) + total
            for y, n in zip(names, rows, strict=True)
        ]
        for x, m in zip(names, rows, strict=True)
    ]


def _deviation(matrix, a):
    """An entry of the diagonal less the diagonal's mean."""
    size = len(matrix)
    return matrix[a][a] - Fraction(sum(matrix[b][b] for b in range(size)), size)


def _classes(series):
    """For each order, a number for each template, equal where they agree so far."""
    keys = [tuple(s.keys()) for s in series]
    classes = []
    for order in range(4):
        seen = {}
        classes.append([seen.setdefault(k[: order + 1], len(seen)) for k in keys])
    return classes


def _groups(classes):
    """Indices of templates of one class, for classes of at least two."""
    members = {}
    for index, number in enumerate(classes):
        members.setdefault(number, []).append(index)
    return [group for group in members.values() if len(group) > 1]


def _written(value):
    return {str(power): str(number) for power, number in value.items()}


def _fields(value, names, where):
    if type(value) is not dict or set(value) != names:
        raise Rejected(f"{where} does not have exactly the fields {sorted(names)}")


def _equal(given, expected, where):
    """Equal in value and in type: in Python 1, 1.0 and True are equal."""
    if not _same(given, expected):
        raise Rejected(f"{where} is not {_short(expected)}")


def _same(x, y):
    if type(x) is not type(y):
        return False
    if type(x) is list:
        return len(x) == len(y) and all(map(_same, x, y))
    if type(x) is dict:
        return x.keys() == y.keys() and all(_same(x[k], y[k]) for k in x)
    return x == y


def _short(value):
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def parse(text):
    """The document in a JSON text: no key twice, no NaN or Infinity."""

    def once(items):
        if len(dict(items)) < len(items):
            raise Rejected("a field is written twice")
        return dict(items)

    def refuse(constant):
        raise Rejected(f"{constant} is not JSON")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Rejected(f"not a JSON document: {error}") from None


def report(path):
    """Exit status and what to say of the file at that path."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, ValueError) as error:
        return 2, f"certificate_verifier: {error}"
    try:
        document = parse(text)
        check(document)
    except Rejected as reason:
        return 1, f"REJECTED: {reason}"
    templates, pairs = len(document["templates"]), len(document["pairs"])
    counts = f"templates: {templates}, pairs: {pairs}"
    return 0, f"VERIFIED ({counts}): {document['statement']}"


def main(arguments):
    """Verify the file named on the command line; returns the exit status."""
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print("usage: python certificate_verifier.py certificate.json", file=sys.stderr)
        return 2
    status, line = report(arguments[0])
    try:
        print(line, file=sys.stderr if status == 2 else sys.stdout, flush=True)
    except OSError:
        # Python would complain again while it closes the standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
