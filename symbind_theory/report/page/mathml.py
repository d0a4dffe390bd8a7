"""Exact coefficients typeset as MathML.

A coefficient is an expression in gamma with integers, such as
`2*(gamma**2 + 1)**2/729`. It is read through Python's syntax tree and never evaluated:
it may come from a file.
"""

from __future__ import annotations

import ast

import sympy
from markupsafe import Markup
from sympy.printing.mathml import mathml

from symbind_theory.validation import InputError, shorten

__all__ = ["coefficient_mathml", "read_coefficient"]

_GAMMA, _BETA = sympy.symbols("gamma beta")
_MOST_CHARACTERS = 2000
_MOST_POWER = 200
_MOST_BITS = 4000


def read_coefficient(text: str) -> sympy.Expr:
    """The expression, as it is written.

    >>> read_coefficient("2*(gamma**2 + 1)/27")
    2*gamma**2/27 + 2/27

    Raises:
        InputError: anything but numbers, gamma, + − * / ** and parentheses.
    """
    unreadable = InputError(
        f"coefficient is {shorten(text)}; expected an expression in gamma with numbers"
    )
    if len(text) > _MOST_CHARACTERS:
        raise unreadable
    try:
        return _expression(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, TypeError):
        raise unreadable from None


def coefficient_mathml(text: str, order: int | None) -> Markup:
    """The leading term of a gap: the coefficient times β to the power 2L.

    Args:
        text: as in `Gap.coefficient`.
        order: L; None where the gap vanishes for every beta.

    Raises:
        InputError: text that is not an expression in gamma.
    """
    term = read_coefficient(text)
    if order:
        term *= _BETA ** (2 * order)
    printed = mathml(term, printer="presentation")
    return Markup(f'<math displaystyle="true">{printed}</math>')


def _expression(node: ast.expr) -> sympy.Expr:
    match node:
        case ast.Name(id="gamma"):
            return _GAMMA
        case ast.Constant(value=bool()):
            raise ValueError
        case ast.Constant(value=int() as whole):
            return sympy.Integer(whole)
        case ast.Constant(value=float() as decimal):
            return sympy.Float(decimal)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_expression(operand)
        case ast.BinOp(left=base, op=ast.Pow(), right=power):
            return _power(_expression(base), _expression(power))
        case ast.BinOp(left=left, op=operator, right=right):
            return _combined(operator, _expression(left), _expression(right))
    raise ValueError


def _power(base: sympy.Expr, power: sympy.Expr) -> sympy.Expr:
    if not isinstance(power, sympy.Integer) or abs(int(power)) > _MOST_POWER:
        raise ValueError
    # Powers of powers of numbers would take longer than anybody lives.
    factor = base.as_coeff_Mul()[0]
    if isinstance(factor, sympy.Rational):
        bits = max(int(factor.p).bit_length(), int(factor.q).bit_length())
        if bits * abs(int(power)) > _MOST_BITS:
            raise ValueError
    return base**power


def _combined(
    operator: ast.operator, left: sympy.Expr, right: sympy.Expr
) -> sympy.Expr:
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            if right == 0:
                raise ZeroDivisionError
            return left / right
    raise ValueError
