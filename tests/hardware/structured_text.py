"""Runs a function block in IEC 61131-3 Structured Text: parsed by blark, translated to Python.

Only what our block uses. Stricter than a PLC: a number that does not fit its type, an index outside its array, an operator on
the wrong kind of operand and a name that nobody declared are errors. AND and OR look at both sides, as on a PLC.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from blark import transform as ast
from blark.parse import parse_source_code

RANGES = {"INT": (-(1 << 15), (1 << 15) - 1), "UINT": (0, (1 << 16) - 1), "DINT": (-(1 << 31), (1 << 31) - 1), "UDINT": (0, (1 << 32) - 1)}
OPERATORS = {
    "=": "==",
    "<>": "!=",
    "AND": "&",
    "OR": "|",
    "MOD": "%",
    "<": "<",
    ">": ">",
    "<=": "<=",
    ">=": ">=",
    "+": "+",
    "-": "-",
    "*": "*",
}


class TypeMismatch(Exception):
    """What a PLC's compiler would refuse, or what would go wrong without a word."""


def check(kind: str, value: Any) -> Any:
    """A value as it may be stored in a variable."""
    wanted = {"BOOL": bool, "LREAL": float}.get(kind, int)
    if type(value) is not wanted:
        raise TypeMismatch(f"{value!r} is no {kind}")
    if wanted is int:
        low, high = RANGES[kind]
        if not low <= value <= high:
            raise TypeMismatch(f"{value} does not fit {kind}")
    return value


def convert(name: str, value: Any) -> Any:
    """X_TO_Y."""
    source, _, target = name.partition("_TO_")
    check(source, value)
    if target == "LREAL":
        return float(value)
    if {source, target} == {"DINT", "UDINT"}:  # the bits stay
        value &= 0xFFFF_FFFF
        return value - (1 << 32) if target == "DINT" and value >= 1 << 31 else value
    return check(target, round(value))


def divide(left: Any, right: Any) -> Any:
    if type(left) is not type(right):
        raise TypeMismatch(f"{left!r} / {right!r}")
    return left / right if type(left) is float else int(left / right)


def calculate(sign: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    if type(left) is not type(right):
        raise TypeMismatch(f"{left!r} and {right!r}")
    return sign(left, right)


_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "&": operator.and_, "|": operator.or_, "%": operator.mod, "<": operator.lt, ">": operator.gt,
    "<=": operator.le, ">=": operator.ge, "+": operator.add, "-": operator.sub, "*": operator.mul,
}  # fmt: skip


class FunctionBlock:
    """One instance.

    Attributes:
        values: of all variables by name; inputs are set there.
        types: of all variables, of arrays the elements'.
        groups: names by kind of declaration (`InputDeclarations`, …).
    """

    def __init__(self, source: str) -> None:
        parsed = parse_source_code(source)
        if parsed.exception is not None:
            raise parsed.exception
        (block,) = parsed.transform().items
        self.name = str(block.name)
        self.values: dict[str, Any] = {}
        self.types: dict[str, str] = {}
        self.groups: dict[str, list[str]] = {}
        for declarations in block.declarations:
            for item in declarations.items:
                self._declare(type(declarations).__name__, str(item))
        lines = ["def scan(v, t):", *_statements(block.body.statements, self)]
        scope: dict[str, Any] = {"check": check, "convert": convert, "divide": divide, "calculate": calculate, "signs": _SIGNS}
        exec(compile("\n".join(lines), self.name, "exec"), scope)
        self._scan: Callable[[dict[str, Any], dict[str, str]], None] = scope["scan"]

    def _declare(self, group: str, text: str) -> None:
        text = "".join(line for line in text.splitlines() if not line.startswith("//"))
        match = re.fullmatch(r"(\w+) : (?:ARRAY \[0\.\.(\d+)\] OF )?(\w+)(?: := (\S+))?", text)
        assert match, text
        name, last, kind, initial = match.groups()
        assert name not in self.types, f"{name} is declared twice"
        zero: Any = {"BOOL": False, "LREAL": 0.0}.get(kind, 0)
        value = zero if initial is None else float(initial) if kind == "LREAL" else int(initial)
        self.types[name], self.values[name] = kind, [value] * (int(last) + 1) if last else check(kind, value)
        self.groups.setdefault(group, []).append(name)

    def scan(self) -> None:
        """Call it once."""
        self._scan(self.values, self.types)


def _statements(statements: list[Any], block: FunctionBlock, depth: int = 1) -> list[str]:
    pad, lines = "    " * depth, list[str]()
    for s in statements:
        if isinstance(s, ast.AssignmentStatement):
            (target,) = s.variables
            place, name = _place(target, block)
            lines.append(f"{pad}{place} = check(t[{name!r}], {_expression(s.expression, block)})")
        elif isinstance(s, ast.IfStatement):
            lines += [
                f"{pad}if check('BOOL', {_expression(s.if_expression, block)}):",
                *_statements(s.statements.statements, block, depth + 1),
            ]
            for clause in s.else_ifs:
                lines += [f"{pad}elif check('BOOL', {_expression(clause.if_expression, block)}):"]
                lines += _statements(clause.statements.statements, block, depth + 1)
            if s.else_clause is not None:
                lines += [f"{pad}else:", *_statements(s.else_clause.statements.statements, block, depth + 1)]
        elif isinstance(s, ast.ForStatement):
            assert s.step is None
            place, _ = _place(s.control, block)
            first, last = _expression(s.from_, block), _expression(s.to, block)
            lines += [f"{pad}for {place} in range({first}, {last} + 1):", *_statements(s.statements.statements, block, depth + 1)]
        elif isinstance(s, ast.WhileStatement):
            lines += [
                f"{pad}while check('BOOL', {_expression(s.expression, block)}):",
                *_statements(s.statements.statements, block, depth + 1),
            ]
        elif isinstance(s, ast.ExitStatement):
            lines.append(f"{pad}break")
        else:
            raise TypeMismatch(f"the block uses a statement that this test does not know: {type(s).__name__}")
    return lines


def _place(e: Any, block: FunctionBlock) -> tuple[str, str]:
    """A variable as Python, and its name."""
    if isinstance(e, ast.MultiElementVariable):
        (subscripts,) = e.elements
        (index,) = subscripts.subscripts
        name = str(e.name.name)
        assert isinstance(block.values[name], list)
        return f"v[{name!r}][check('UINT', {_expression(index, block)})]", name
    name = str(e.name)
    assert name in block.types, f"{name} is not declared"
    return f"v[{name!r}]", name


def _expression(e: Any, block: FunctionBlock) -> str:
    if isinstance(e, (ast.SimpleVariable, ast.MultiElementVariable)):
        if str(e.name) in ("TRUE", "FALSE"):
            return str(e.name).title()
        return _place(e, block)[0]
    if isinstance(e, ast.EnumeratedValue):
        return _place(ast.SimpleVariable(name=e.name, dereferenced=False), block)[0]
    if isinstance(e, ast.Boolean):
        return str(str(e.value).upper() == "TRUE")
    if isinstance(e, (ast.Integer, ast.Real)):
        return str(e.value)
    if isinstance(e, ast.ParenthesizedExpression):
        return f"({_expression(e.expr, block)})"
    if isinstance(e, ast.UnaryOperation):
        inner = _expression(e.expr, block)
        return f"(not check('BOOL', {inner}))" if str(e.op) == "NOT" else f"(-{inner})"
    if isinstance(e, ast.FunctionCall):
        (parameter,) = e.parameters
        return f"convert({str(e.name.name)!r}, {_expression(parameter.value, block)})"
    if isinstance(e, ast.BinaryOperation):
        left, right = _expression(e.left, block), _expression(e.right, block)
        if str(e.op) == "/":
            return f"divide({left}, {right})"
        return f"calculate(signs[{OPERATORS[str(e.op)]!r}], {left}, {right})"
    raise TypeMismatch(f"the block uses an expression that this test does not know: {type(e).__name__}")
