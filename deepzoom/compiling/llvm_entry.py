"""The entry function of a kernel that runs without Numba, and the parts of Numba that it needs, as LLVM code."""

from __future__ import annotations

from typing import Any

ENTRY = "deepzoom_entry"
NO_MEMORY = -99
"""The entry returns this if there was no memory for an array."""
_TYPES = {"P": ("ptr",), "q": ("i64",), "d": ("double",), "?": ("i8", "i1")}
OWNED = "number pointer pointer pointer number"
"""The header of an array that a kernel makes: reference count, destructor and its data, address, size."""
_RUNTIME = """
declare ptr @malloc(i64)
declare void @free(ptr)
declare double @ldexp(double, i32)
@no_memory = internal global i32 0

define ptr @NRT_MemInfo_alloc_aligned(i64 %size, i32 %align) {
  %unit = zext i32 %align to i64
  %room = add i64 %size, %unit
  %all = add i64 %room, 64
  %owned = call ptr @malloc(i64 %all)
  %none = icmp eq ptr %owned, null
  br i1 %none, label %missing, label %there
missing:
  store i32 1, ptr @no_memory
  ret ptr null
there:
  %begin = ptrtoint ptr %owned to i64
  %least = add i64 %begin, 64
  %past = urem i64 %least, %unit
  %gap = sub i64 %unit, %past
  %place = add i64 %least, %gap
  %data = inttoptr i64 %place to ptr
  store {i64, ptr, ptr, ptr, i64} {i64 1, ptr null, ptr null, ptr null, i64 0}, ptr %owned
  %at = getelementptr {i64, ptr, ptr, ptr, i64}, ptr %owned, i64 0, i32 3
  store ptr %data, ptr %at
  ret ptr %owned
}

define void @NRT_MemInfo_call_dtor(ptr %owned) {
  call void @free(ptr %owned)
  ret void
}

define double @numba_ldexp(double %m, i32 %e) {
  %value = call double @ldexp(double %m, i32 %e)
  ret double %value
}
"""
"""Numba's functions that kernels call to make arrays and to free them when nothing refers to them. Arrays that a kernel
gets as arguments have no owner (``_ARRAY``) and are never freed here."""


def owned() -> str:
    """The header of an array in the installed Numba, to compare with ``OWNED``."""
    from numba.core.runtime import nrtdynmod

    parts = map(str, nrtdynmod._meminfo_struct_type.elements)
    return " ".join("number" if part == "i64" else "pointer" if part in ("ptr", "i8*") else part for part in parts)


def entry_text(function: Any, flat: str) -> str | None:
    """The entry as LLVM code: it calls a function with the arguments in a block of memory, eight bytes each.

    None if the function has other parameters.
    """
    wanted = [str(a.type) for a in function.arguments]
    if wanted[:2] != ["ptr", "ptr"] or len(wanted) != len(flat) + 2:
        return None
    if any(kind not in _TYPES[c] for kind, c in zip(wanted[2:], flat, strict=True)):
        return None
    lines = ["%result = alloca ptr", "%error = alloca ptr"]
    for k, kind in enumerate(wanted[2:]):
        lines.append(f"%p{k} = getelementptr i64, ptr %block, i64 {k}")
        lines.append(f"%v{k} = load {'i8' if kind == 'i1' else kind}, ptr %p{k}, align 1")
        if kind == "i1":
            lines.append(f"%b{k} = trunc i8 %v{k} to i1")
    given = ", ".join(f"{kind} %{'b' if kind == 'i1' else 'v'}{k}" for k, kind in enumerate(wanted[2:]))
    name = f'@"{function.name}"'
    lines += [
        f"%status = call i32 {name}(ptr %result, ptr %error, {given})",
        "%lacking = load i32, ptr @no_memory",
        "store i32 0, ptr @no_memory",
        "%lacked = icmp ne i32 %lacking, 0",
        f"%answer = select i1 %lacked, i32 {NO_MEMORY}, i32 %status",
        "ret i32 %answer",
    ]
    body = "\n  ".join(lines)
    declared = f"declare i32 {name}(ptr, ptr, {', '.join(wanted[2:])})"
    return f"{declared}\n{_RUNTIME}\ndefine i32 @{ENTRY}(ptr %block) {{\n  {body}\n}}\n"
