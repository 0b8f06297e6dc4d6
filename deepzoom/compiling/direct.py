"""Functions of loops, assignments and calls, made into LLVM code without Numba's passes.

A generated step has thousands of such lines, and Numba spends most of its time to infer types that are known from the
start: a name has one type, that of the first value that it gets. So one walk over a function's syntax tree looks up
what each line calls, as Numba does, and writes the call. Whole numbers are int64, and never literals.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import operator
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.compiler import _LowerResult
from numba.core.compiler_machinery import LoweringPass, PassManager, register_pass
from numba.core.funcdesc import PythonFunctionDescriptor
from numba.core.lowering import Environment
from numba.core.typed_passes import NoPythonBackend

from .parts import LatePartCompiler, PartLibrary

_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_OF_INTEGERS: dict[Any, Callable[..., Any]] = {
    operator.add: ir.IRBuilder.add,
    operator.sub: ir.IRBuilder.sub,
    operator.mul: ir.IRBuilder.mul,
    min: lambda builder, a, b: builder.select(builder.icmp_signed("<", b, a), b, a),
}
_I64 = ir.IntType(64)
Value = tuple[Any, Any]
"""Numba's type of a value, and its LLVM code."""


class _Writer:
    """Writes a function's lines where the builder stands, and what the function returns.

    typing, context: Numba's. known: what global names stand for; given: the arguments.
    """

    def __init__(
        self, typing: Any, context: Any, builder: Any, known: Mapping[str, Any], given: Mapping[str, Value]
    ) -> None:
        self._typing, self._context, self._builder, self._known = typing, context, builder, known
        self._given = given
        self._places: dict[str, Value] = {}
        self._callees: dict[Any, tuple[Any, Any]] = {}
        self.returned: Value | None = None

    def write(self, lines: Sequence[ast.stmt]) -> None:
        """Raises NotImplementedError for a line of another kind."""
        for line in lines:
            match line:
                case ast.Expr(value):
                    self._value(value)
                case ast.Assign([ast.Name(name)], value):
                    self._assign(name, *self._value(value))
                case ast.For(ast.Name(name), ast.Call(ast.Name("range"), limits), inside):
                    self._loop(name, [self._value(limit)[1] for limit in limits], inside)
                case ast.Return(ast.expr() as value):
                    self.returned = self._value(value)
                case _:
                    raise NotImplementedError(ast.unparse(line))

    def _assign(self, name: str, kind: Any, code: Any) -> None:
        if name not in self._places:
            with self._builder.goto_entry_block():
                self._places[name] = kind, self._builder.alloca(code.type)
        before, place = self._places[name]
        if before != kind:
            raise TypeError(f"{name} is {before}, then {kind}")
        self._builder.store(code, place)

    def _loop(self, name: str, limits: list[Any], lines: Sequence[ast.stmt]) -> None:
        builder = self._builder
        zero, one = ir.Constant(_I64, 0), ir.Constant(_I64, 1)
        begin, end, step = {1: (zero, *limits, one), 2: (*limits, one), 3: limits}[len(limits)]
        head, body, after = map(builder.append_basic_block, ("head", "body", "after"))
        self._assign(name, types.int64, begin)
        builder.branch(head)
        builder.position_at_end(head)
        builder.cbranch(builder.icmp_signed("<", self._named(name)[1], end), body, after)
        builder.position_at_end(body)
        self.write(lines)
        self._assign(name, types.int64, builder.add(self._named(name)[1], step))
        builder.branch(head)
        builder.position_at_end(after)

    def _value(self, expression: ast.expr) -> Value:
        match expression:
            case ast.Constant(int(number)):
                return types.int64, ir.Constant(_I64, number)
            case ast.Constant(float(number)):
                return types.float64, ir.Constant(ir.DoubleType(), number)
            case ast.Name(name):
                return self._named(name)
            case ast.UnaryOp(ast.USub(), inside):
                return self._called(operator.neg, [self._value(inside)])
            case ast.BinOp(left, kind, right):
                return self._called(_OPERATORS[type(kind)], [self._value(left), self._value(right)])
            case ast.Subscript(whole, ast.Constant(int(k))):
                kind, code = self._value(whole)
                return kind.types[k], self._builder.extract_value(code, k)
            case ast.Call(ast.Name(name), arguments, []):
                return self._called(self._known[name], [self._value(a) for a in arguments])
            case _:
                raise NotImplementedError(ast.unparse(expression))

    def _named(self, name: str) -> Value:
        if name in self._places:
            kind, place = self._places[name]
            return kind, self._builder.load(place)
        if name in self._given:
            return self._given[name]
        return types.int64, ir.Constant(_I64, operator.index(self._known[name]))

    def _called(self, function: Any, arguments: Sequence[Value]) -> Value:
        kinds = tuple(kind for kind, _ in arguments)
        if function in _OF_INTEGERS and all(kind == types.int64 for kind in kinds):
            return types.int64, _OF_INTEGERS[function](self._builder, *(code for _, code in arguments))
        if (function, kinds) not in self._callees:
            found = self._typing.resolve_value_type(function)
            signature = self._typing.resolve_function_type(found, kinds, {})
            if signature is None:
                raise TypeError(f"{function} does not take {kinds}")
            self._callees[function, kinds] = signature, self._context.get_function(found, signature)
        signature, callee = self._callees[function, kinds]
        codes = [self._cast(*given, kind) for given, kind in zip(arguments, signature.args, strict=True)]
        return signature.return_type, callee(self._builder, codes)

    def _cast(self, kind: Any, code: Any, wanted: Any) -> Any:
        return self._context.cast(self._builder, code, kind, wanted)


class _Library(PartLibrary):
    def _optimize_functions(self, module: Any) -> None:
        """Nothing, or loops would be unrolled before what they call is a part of them."""


@register_pass(mutates_CFG=True, analysis_only=False)
class _Write(LoweringPass):  # type: ignore[misc]
    _name = "deepzoom_direct"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        identity, context, flags = state.func_id, state.targetctx, state.flags
        state.return_type = identity.func.__annotations__.get("return", types.none)
        state.library = library = _Library(context.codegen(), identity.func_qualname, True)
        names, kinds = tuple(identity.arg_names), tuple(state.args)
        described = PythonFunctionDescriptor(
            True, identity.modname, identity.func_qualname, identity.unique_name, "", {}, state.return_type, {}, names,
            (), context.mangler, kinds, flags.forceinline, flags.noalias, abi_tags=[flags.get_mangle_string()],
            uid=identity.unique_id,
        )  # fmt: skip
        environment = Environment.from_fndesc(described)
        with context.push_code_library(library):
            module = library.create_ir_module(described.unique_name)
            own = context.subtarget(environment=environment, fndesc=described)
            helper = _written(state.typingctx, own, module, described, identity.func)
            own.post_lowering(module, library)
            library.add_ir_module(module)
            entry = context.get_executable(library, described, environment)
            context.insert_user_function(entry, described, [library])
        state["cr"] = _LowerResult(described, helper, cfunc=entry, env=environment)
        return True


def _written(typing: Any, context: Any, module: Any, described: Any, function: Any) -> Any:
    """Add the function's code to a module; Numba's helper for calls in it."""
    code = context.declare_function(module, described)
    builder = ir.IRBuilder(code.append_basic_block("entry"))
    helper = context.call_conv.init_call_helper(builder)
    arguments = context.call_conv.decode_arguments(builder, described.argtypes, code)
    begin = code.append_basic_block("begin")
    builder.branch(begin)
    builder.position_at_end(begin)
    tree: Any = ast.parse(inspect.getsource(function)).body[0]
    given = dict(zip(described.args, zip(described.argtypes, arguments, strict=True), strict=True))
    writer = _Writer(typing, context, builder, ChainMap(function.__globals__, vars(builtins)), given)
    writer.write(tree.body)
    kind, value = writer.returned or (types.none, context.get_dummy_value())
    if kind != described.restype:
        raise TypeError(f"{described.qualname} returns {kind}, not {described.restype}")
    context.call_conv.return_value(builder, context.get_return_value(builder, kind, value))
    return helper


class DirectCompiler(LatePartCompiler):
    """Numba's compiler for such functions. Their annotation is Numba's type of what they return, if anything."""

    def define_pipelines(self) -> Any:
        """One pass that writes the code; all of Numba's where the text of the function is not in a file."""
        try:
            inspect.getsource(self.state.func_id.func)
        except OSError:
            return super().define_pipelines()
        pipeline = PassManager("deepzoom_direct")
        pipeline.add_pass(_Write, "write the code")
        pipeline.add_pass(NoPythonBackend, "hand it over")
        pipeline.finalize()
        return [pipeline]
