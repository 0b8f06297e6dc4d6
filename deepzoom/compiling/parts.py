"""Parts of kernels: routines of which Numba makes no machine code until a kernel contains them.

Numba optimises each routine, makes machine code of it, and does both again in each routine that calls it, up to the
kernel. Nothing but a kernel ever runs a part, so machine code is needed once. Optimising a part at once decides what is
inlined into what, and some kernels are a tenth faster for it. So only long generated code is optimised late.
"""

from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.untyped_passes import TranslateByteCode


class _WithoutCode:
    """A code generator for a library without machine code: there is no place to write an environment to."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, env: Any) -> None:
        """Nothing: the kernel that contains the part has its own."""


class PartLibrary(JITCodeLibrary):  # type: ignore[misc]
    """Code that is only linked into other code."""

    def __init__(self, codegen: Any, name: str, late: bool) -> None:
        super().__init__(codegen, name)
        self._late = late

    @property
    def codegen(self) -> Any:
        return _WithoutCode(self._codegen)

    def _optimize_final_module(self) -> None:
        if not self._late:
            super()._optimize_final_module()

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        return 0


@register_pass(mutates_CFG=False, analysis_only=True)
class _AsPart(AnalysisPass):  # type: ignore[misc]
    _name = "deepzoom_part"

    def __init__(self) -> None:
        AnalysisPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        late = isinstance(state.pipeline, LatePartCompiler)
        state.library = PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname, late)
        return False


class PartCompiler(Compiler):  # type: ignore[misc]
    """Numba's compiler, whose result is a part."""

    def define_pipelines(self) -> Any:
        """Numba's passes, with a library for a part."""
        (pipeline,) = super().define_pipelines()
        pipeline.add_pass_after(_AsPart, TranslateByteCode)
        pipeline.finalize()
        return [pipeline]


class LatePartCompiler(PartCompiler):
    """The same, for parts that are optimised only in their kernel."""
