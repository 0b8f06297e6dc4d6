"""Parts of kernels: routines that Numba leaves as they are until a kernel contains them.

Numba optimises each routine, makes machine code of it, and does both again in each routine that calls it, up to the
kernel. Nothing but a kernel ever runs a part, so one time is enough: in the kernel, where all parts are at hand.
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


class _Library(JITCodeLibrary):  # type: ignore[misc]
    """Code that is only linked into other code."""

    @property
    def codegen(self) -> Any:
        return _WithoutCode(self._codegen)

    def _optimize_final_module(self) -> None:
        pass

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
        state.library = _Library(state.targetctx.codegen(), state.func_id.func_qualname)
        return False


class PartCompiler(Compiler):  # type: ignore[misc]
    """Numba's compiler, whose result is a part."""

    def define_pipelines(self) -> Any:
        """Numba's passes, with a library for a part."""
        (pipeline,) = super().define_pipelines()
        pipeline.add_pass_after(_AsPart, TranslateByteCode)
        pipeline.finalize()
        return [pipeline]
