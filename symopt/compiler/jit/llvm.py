"""A kernel's restricted Python, lowered to LLVM IR inside one Numba intrinsic.

Numba's front end needs 2-3 ms for every statement, because it supports all of Python's types.
A kernel has three (float64, int64, bool) and arrays of the first two, so its syntax tree maps
to LLVM instructions one to one. Numba still owns everything around it: the call from Python,
the optimiser and the machine code.

The language: numbers and names; ``+ - * /`` on floats, ``+ - * << >> & | ^`` on integers, ``& | ^``
on truth values; comparisons; ``a if c else b`` (both sides are evaluated: a select); ``a[i]``;
``for i in range(lo, hi)`` or ``vector_range(lo, hi)``, ``if``, ``break``; calls of the primitives
in ``primitives.py`` and of functions in the same file: helpers that end in their one ``return``,
of the type that their annotation says, and parts of the kernel without one, whose arrays never
overlap.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

DOUBLE, INT, BOOL, VOID = ir.DoubleType(), ir.IntType(64), ir.IntType(1), ir.VoidType()
GIVES = {"float": DOUBLE, "int": INT}
ALIGNMENT = 64
MOST_INLINED = 300  # calls of helpers; with more, LLVM would work on their copies for minutes
KINDS = {types.float64: DOUBLE, types.int64: INT}
OPERATIONS = {
    (ast.Add, DOUBLE): "fadd",
    (ast.Sub, DOUBLE): "fsub",
    (ast.Mult, DOUBLE): "fmul",
    (ast.Div, DOUBLE): "fdiv",
    (ast.Add, INT): "add",
    (ast.Sub, INT): "sub",
    (ast.Mult, INT): "mul",
    (ast.LShift, INT): "shl",
    (ast.RShift, INT): "ashr",
    (ast.BitAnd, INT): "and_",
    (ast.BitOr, INT): "or_",
    (ast.BitXor, INT): "xor",
    (ast.BitAnd, BOOL): "and_",
    (ast.BitOr, BOOL): "or_",
    (ast.BitXor, BOOL): "xor",
}
COMPARISONS = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
FLOAT_PRIMITIVES = ("fma", "sqrt", "fabs", "floor")
CASTS = {
    "bitcast_to_int": ("bitcast", INT),
    "bitcast_to_float": ("bitcast", DOUBLE),
    "float64": ("sitofp", DOUBLE),
}


COMPILING: ContextVar[Callable[..., Any]] = ContextVar("COMPILING")
"""The function that :func:`body` stands for while a kernel is compiled."""


@intrinsic  # type: ignore[untyped-decorator]
def body(_typing: Any, *arrays: Any) -> Any:
    """Call the function that is being compiled, whose helpers are its module's functions.

    It is one for all kernels: Numba never forgets an intrinsic, nor what it refers to.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pairs = zip(signature.args[0], cgutils.unpack_tuple(builder, values[0]), strict=True)
        pointers = [context.make_array(kind)(context, builder, value).data for kind, value in pairs]
        function = COMPILING.get()
        builder.call(
            Lowering.of(function, builder.module, pointers, _calls(function) <= MOST_INLINED),
            pointers,
        )
        _prefer_wide_vectors(builder.function)
        return context.get_dummy_value()

    return types.void(types.StarArgTuple(arrays)), generate


def _prefer_wide_vectors(function: ir.Function) -> None:
    """Ask for 512 bits: LLVM prefers 256 on several AVX-512 processors, which is slower here."""
    set.add(
        function.attributes, '"prefer-vector-width"="512"'
    )  # llvmlite's own add takes no values


class Lowering:
    """Writes one function of the language as an LLVM function.

    Variables live in stack slots, which LLVM's first pass turns into registers.
    """

    @classmethod
    def of(
        cls,
        function: Callable[..., Any],
        module: ir.Module,
        values: Sequence[Any],
        inline: bool = True,
    ) -> ir.Function:
        """Return ``function`` as an LLVM function for arguments like ``values``, once a module."""
        kinds = [value.type for value in values]
        name = ".".join(["symopt", function.__name__, *(str(kind) for kind in kinds)])
        made = module.globals.get(name)
        if made is not None:
            return made
        return cls(function, module, inline).write(name, kinds)

    def __init__(self, function: Callable[..., Any], module: ir.Module, inline: bool) -> None:
        self.tree = _syntax(function)
        self.helpers = function.__globals__
        self.module, self.inline = module, inline
        self.slots: dict[str, Any] = {}
        self.exits: list[ir.Block] = []

    def write(self, name: str, kinds: Sequence[ir.Type]) -> ir.Function:
        """Write the whole function."""
        gives = VOID
        if self.tree.returns:
            gives = GIVES[ast.unparse(self.tree.returns)]
        made = ir.Function(self.module, ir.FunctionType(gives, kinds), name)
        made.linkage = "internal"
        _prefer_wide_vectors(made)
        made.attributes.add("noinline" if gives == VOID or not self.inline else "alwaysinline")
        for argument in made.args:
            if isinstance(argument.type, ir.PointerType):
                argument.add_attribute("noalias")  # a kernel's arrays never overlap
        self.builder = ir.IRBuilder(made.append_basic_block("entry"))
        for argument, value in zip(self.tree.args.args, made.args, strict=True):
            self._assign(argument.arg, value)
        self._statements(self.tree.body)
        if gives == VOID:
            self.builder.ret_void()
        return made

    # Statements

    def _statements(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            match statement:
                case ast.Expr(value=ast.Constant()):
                    pass  # a docstring
                case ast.Expr(value=ast.Call() as call):
                    self._value(call)
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._assign(name, self._value(value))
                case ast.Assign(targets=[ast.Subscript() as target], value=value):
                    self.builder.store(self._value(value), self._address(target))
                case ast.For():
                    self._for(statement)
                case ast.If():
                    self._if(statement)
                case ast.Break():
                    self.builder.branch(self.exits[-1])
                case ast.Return(value=ast.expr() as value):
                    self.builder.ret(self._value(value))
                case _:
                    raise _unknown(statement)

    def _assign(self, name: str, value: Any) -> None:
        if name not in self.slots:
            with self.builder.goto_entry_block():
                self.slots[name] = self.builder.alloca(value.type, name=name)
        self.builder.store(value, self.slots[name])

    def _for(self, loop: ast.For) -> None:
        assert isinstance(loop.iter, ast.Call)
        assert isinstance(loop.target, ast.Name)
        low, high = (self._value(bound) for bound in loop.iter.args)
        head, body, done = (
            self.builder.append_basic_block(part) for part in ("head", "body", "done")
        )
        start = self.builder.block
        self.builder.branch(head)
        self.builder.position_at_end(head)
        index = self.builder.phi(INT)
        index.add_incoming(low, start)
        self.builder.cbranch(self.builder.icmp_signed("<", index, high), body, done)
        self.builder.position_at_end(body)
        self._assign(loop.target.id, index)
        self.exits.append(done)
        self._statements(loop.body)
        self.exits.pop()
        following = self.builder.add(index, INT(1), flags=("nsw",))
        index.add_incoming(following, self.builder.block)
        back = self.builder.branch(head)
        if ast.unparse(loop.iter.func) == "vector_range":
            back.set_metadata("llvm.loop", self._never_unrolled())
        self.builder.position_at_end(done)

    def _never_unrolled(self) -> Any:
        """Build metadata that forbids unrolling until the loop vectoriser has run."""
        add, text = self.module.add_metadata, partial(ir.MetaDataString, self.module)
        first = add([text("llvm.loop.unroll.disable")])
        then = add(
            [
                text("llvm.loop.vectorize.followup_vectorized"),
                add([text("llvm.loop.unroll.enable")]),
            ]
        )
        mark = add([ir.Constant(ir.IntType(32), len(self.module.metadata)), first, then])
        mark.operands = (mark, first, then)  # what marks a loop begins with itself
        return mark

    def _if(self, branch: ast.If) -> None:
        yes, done = (self.builder.append_basic_block(part) for part in ("yes", "done"))
        no = done
        if branch.orelse:
            no = self.builder.append_basic_block("no")
        self.builder.cbranch(self._value(branch.test), yes, no)
        for block, statements in ((yes, branch.body), (no, branch.orelse)):
            if statements:
                self.builder.position_at_end(block)
                self._statements(statements)
                if not self.builder.block.is_terminated:
                    self.builder.branch(done)
        self.builder.position_at_end(done)

    # Expressions

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=float() as number):
                return DOUBLE(number)
            case ast.Constant(value=int() as number):
                return INT(number)
            case ast.Name(id=name):
                return self.builder.load(self.slots[name])
            case ast.Subscript():
                return self.builder.load(self._address(node))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=float() as number)):
                return DOUBLE(-number)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._negative(self._value(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return self._operation(op, self._value(left), self._value(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._comparison(
                    COMPARISONS[type(op)], self._value(left), self._value(right)
                )
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.builder.select(
                    self._value(test), self._value(body), self._value(orelse)
                )
            case ast.Call(func=ast.Name(id="empty"), args=[ast.Constant(value=int() as size)]):
                return self._empty(size)
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self._call(name, [self._value(argument) for argument in arguments])
        raise _unknown(node)

    def _empty(self, size: int) -> Any:
        """Return the address of a new array, which lives as long as the function runs."""
        with self.builder.goto_entry_block():
            place = self.builder.alloca(DOUBLE, size)
        place.align = ALIGNMENT
        return place

    def _address(self, node: ast.Subscript) -> Any:
        return self.builder.gep(self._value(node.value), [self._value(node.slice)], inbounds=True)

    def _negative(self, value: Any) -> Any:
        if value.type == DOUBLE:
            return self.builder.fneg(value)
        return self.builder.neg(value)

    def _operation(self, op: ast.operator, left: Any, right: Any) -> Any:
        return getattr(self.builder, OPERATIONS[type(op), left.type])(left, right)

    def _comparison(self, op: str, left: Any, right: Any) -> Any:
        if left.type == INT:
            return self.builder.icmp_signed(op, left, right)
        unordered = op == "!="  # the one comparison that is true of a NaN
        compare = self.builder.fcmp_ordered
        if unordered:
            compare = self.builder.fcmp_unordered
        return compare(op, left, right)

    def _call(self, name: str, values: list[Any]) -> Any:
        if name == "view":
            return self.builder.gep(values[0], [values[1]], inbounds=True)
        if name in CASTS:
            instruction, kind = CASTS[name]
            return getattr(self.builder, instruction)(values[0], kind)
        if name in FLOAT_PRIMITIVES:
            signature = ir.FunctionType(DOUBLE, [DOUBLE] * len(values))
            return self.builder.call(
                self.module.declare_intrinsic(f"llvm.{name}", [DOUBLE], signature), values
            )
        return self.builder.call(
            Lowering.of(self.helpers[name], self.module, values, self.inline), values
        )


def _syntax(function: Callable[..., Any]) -> ast.FunctionDef:
    """Return the syntax tree of a function, from its module's text, which may have no file."""
    space = function.__globals__
    module = ast.parse(space["__loader__"].get_source(space["__name__"]))
    (tree,) = (
        node
        for node in module.body
        if isinstance(node, ast.FunctionDef) and node.name == function.__name__
    )
    return tree


def _calls(function: Callable[..., Any]) -> int:
    """Return how many calls of helpers the functions of a kernel write out."""
    space = function.__globals__
    module = ast.parse(space["__loader__"].get_source(space["__name__"]))
    parts = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    helpers = {part.name for part in parts if part.returns}
    called = [
        node
        for part in parts
        if not part.returns
        for node in ast.walk(part)
        if isinstance(node, ast.Call)
    ]
    return sum(isinstance(call.func, ast.Name) and call.func.id in helpers for call in called)


def _unknown(node: ast.AST) -> SyntaxError:
    return SyntaxError(
        f"not in the kernel language: {ast.unparse(node)} (line {getattr(node, 'lineno', '?')})"
    )
