"""From text to tree.

Python's own parser reads the text, and only the few kinds of nodes that a rule knows are let through; nothing is ever
compiled or run. What that parser would read in ways a trader does not mean (look-alike letters, `1_000`, `0x10`,
strings) is turned away before it.
"""

import ast
import keyword
import math
import re

from kapman_assets.rules.catalogue import Catalogue, Name
from kapman_assets.rules.errors import RuleError
from kapman_assets.rules.tree import And, Compare, Condition, Cross, Direction, Not, Number, Operand, Operator, Or, Rule

LONGEST = 1000
"""Characters of a rule."""

DEEPEST = 20
"""Levels of brackets, and of conditions inside each other."""

_FOREIGN = re.compile(r"[^A-Za-z0-9_.<>=!+\-(), \t\n]")
_SINGLE_EQUALS = re.compile(r"(?<![<>=!])=(?!=)")
_CONNECTIVE = re.compile(r"\b(?:and|or|not)\b", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z_]\w*")
_UNFINISHED = re.compile(r"(?:[<>=!+\-,(]|\b(?:and|or|not))\s*$", re.IGNORECASE)
_NUMBER_LIKE = re.compile(r"(?<![\w.])(?:\.?[0-9])[\w.]*")
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15}")

_OPERATORS: dict[type[ast.cmpop], Operator] = {
    ast.Lt: Operator.BELOW,
    ast.LtE: Operator.AT_MOST,
    ast.Gt: Operator.ABOVE,
    ast.GtE: Operator.AT_LEAST,
    ast.Eq: Operator.EQUAL,
    ast.NotEq: Operator.NOT_EQUAL,
}
_CROSSINGS = {direction.value: direction for direction in Direction}
_CROSSING_OPERANDS = 2
_LONGEST_SHOWN = 40
_UNREADABLE = "the rule cannot be read from here on"


def parse(text: str, catalogue: Catalogue) -> Rule:
    """Read a rule.

    Args:
        text: comparisons such as `z<=-1.0` or `macd > macd_signal`, and `cross(z, -1)`, joined by `and`, `or`, `not`
            and brackets.
        catalogue: the names that it may use.

    Raises:
        RuleError: with the first character that cannot be read.
    """
    _check_characters(text)
    _check_brackets(text)
    _check_words(text)
    _check_numbers(text)
    if _UNFINISHED.search(text):
        raise RuleError("the rule ends too early", text, len(text))
    # Of the same length, so that positions stay.
    plain = _CONNECTIVE.sub(lambda word: word.group().lower(), re.sub(r"[\t\n]", " ", text))
    body = plain.strip()
    if not body:
        raise RuleError("the rule is empty: write a comparison such as z<=-1.0", text, 0)
    start = len(plain) - len(plain.lstrip())
    try:
        tree = ast.parse(body, mode="eval")
    except SyntaxError as error:
        position = min(start + max((error.offset or 1) - 1, 0), len(text))
        raise RuleError(_UNREADABLE, text, position) from None
    except (RecursionError, MemoryError):
        raise RuleError(f"conditions are nested more than {DEEPEST} deep", text, start) from None
    return Rule(text, _Reader(text, start, catalogue).condition(tree.body, 1))


def _check_characters(text: str) -> None:
    if len(text) > LONGEST:
        raise RuleError(f"the rule has {len(text)} characters, and may have {LONGEST}", text, LONGEST)
    if foreign := _FOREIGN.search(text):
        raise RuleError(f"{foreign.group()!a} has no place in a rule", text, foreign.start())
    if single := _SINGLE_EQUALS.search(text):
        raise RuleError("write == to compare", text, single.start())


def _check_brackets(text: str) -> None:
    opened: list[int] = []
    for position, character in enumerate(text):
        if character == "(":
            opened.append(position)
            if len(opened) > DEEPEST:
                raise RuleError(f"brackets are nested more than {DEEPEST} deep", text, position)
        elif character == ")":
            if not opened:
                raise RuleError("this bracket closes none", text, position)
            opened.pop()
    if opened:
        raise RuleError("this bracket is never closed", text, opened[-1])


def _check_words(text: str) -> None:
    for found in _WORD.finditer(text):
        word = found.group()
        if keyword.iskeyword(word) and not _CONNECTIVE.fullmatch(word):
            raise RuleError(f"{word} has no place in a rule", text, found.start())


def _check_numbers(text: str) -> None:
    for found in _NUMBER_LIKE.finditer(text):
        if not _NUMBER.fullmatch(found.group()):
            raise RuleError("not a number: write up to 15 digits, and a decimal point", text, found.start())


class _Reader:
    """From Python's tree to the rule's; whatever is not named here is refused."""

    def __init__(self, text: str, start: int, catalogue: Catalogue) -> None:
        """Take the text, where in it Python's parser began, and the names."""
        self._text, self._start, self._catalogue = text, start, catalogue

    def condition(self, node: ast.expr, depth: int) -> Condition:
        if depth > DEEPEST:
            raise self._error(f"conditions are nested more than {DEEPEST} deep", node)
        match node:
            case ast.BoolOp(op, values):
                parts = tuple(self.condition(value, depth + 1) for value in values)
                return And(parts) if isinstance(op, ast.And) else Or(parts)
            case ast.UnaryOp(ast.Not(), operand):
                return Not(self.condition(operand, depth + 1))
            case ast.Compare():
                return self._comparison(node)
            case ast.Call(ast.Name(name), arguments, []) if name in _CROSSINGS:
                return self._crossing(node, _CROSSINGS[name], arguments)
            case ast.Call(ast.Name(name)):
                raise self._error(
                    f"there is no function {name[:_LONGEST_SHOWN]}; there are {', '.join(_CROSSINGS)}", node
                )
            case ast.Name() | ast.Constant() | ast.UnaryOp():
                # An unknown name is told first: it may be why there is no comparison.
                self._operand(node)
                raise self._error("compare it with something, such as z<=-1.0", node)
            case ast.Tuple([ast.expr() as first, *_]):
                position = self._start + (first.end_col_offset or 0)
                raise RuleError("join conditions by and, or", self._text, position)
        raise self._error(_UNREADABLE, node)

    def _comparison(self, node: ast.Compare) -> Condition:
        sides = [node.left, *node.comparators]
        operands = [self._operand(side) for side in sides]
        pairs = []
        for place, (found, right) in enumerate(zip(node.ops, operands[1:], strict=True)):
            if type(found) not in _OPERATORS:
                raise self._error(f"values are compared by {' '.join(Operator)} only", sides[place + 1])
            left = operands[place]
            self._check_has_name(left, right, sides[place])
            pairs.append(Compare(left, _OPERATORS[type(found)], right))
        return pairs[0] if len(pairs) == 1 else And(tuple(pairs))

    def _crossing(self, node: ast.Call, direction: Direction, arguments: list[ast.expr]) -> Cross:
        if len(arguments) != _CROSSING_OPERANDS:
            raise self._error(f"{direction} takes two values, such as {direction}(z, -1)", node)
        left, right = (self._operand(argument) for argument in arguments)
        self._check_has_name(left, right, arguments[0])
        return Cross(left, right, direction, self._start + node.col_offset)

    def _operand(self, node: ast.expr) -> Operand:
        match node:
            case ast.Name(name):
                return self._name(name, node)
            case ast.UnaryOp(ast.USub() | ast.UAdd() as sign, ast.Constant(value)):
                number = self._number(value, node)
                return Number(-number.value) if isinstance(sign, ast.USub) else number
            case ast.Constant(value):
                return self._number(value, node)
        raise self._error("only a name or a number can stand here", node)

    def _name(self, name: str, node: ast.expr) -> Name:
        known = self._catalogue.get(name)
        if known is None:
            nearest = self._catalogue.nearest(name)
            hint = f"; the nearest is {nearest}" if nearest else ""
            raise self._error(f"there is no name {name[:_LONGEST_SHOWN]}{hint}", node)
        return known

    def _number(self, value: object, node: ast.expr) -> Number:
        # True and None are constants of Python, and True is an int.
        if type(value) not in {int, float} or not math.isfinite(number := float(value)):  # type: ignore[arg-type]
            raise self._error("only a name or a number can stand here", node)
        return Number(number)

    def _check_has_name(self, left: Operand, right: Operand, node: ast.expr) -> None:
        if isinstance(left, Number) and isinstance(right, Number):
            raise self._error("two numbers say nothing of a session: compare a name", node)

    def _error(self, problem: str, node: ast.expr) -> RuleError:
        return RuleError(problem, self._text, self._start + node.col_offset)
