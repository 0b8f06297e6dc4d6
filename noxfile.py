"""One word for each check: ``nox -s tests``, ``slow``, ``lint``, ``coverage``; ``nox -l`` lists them."""

from __future__ import annotations

import nox

nox.options.sessions = ["lint", "tests"]
nox.options.reuse_existing_virtualenvs = True


@nox.session
def tests(session: nox.Session) -> None:
    """Everything but the slow precision cases; what follows ``--`` goes to pytest."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """The slow precision cases: a quarter of an hour on two idle cores."""
    session.install("-e", ".[jax,test]")
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Linters, types, spelling, imports."""
    session.install("-e", ".[test]")
    session.run("pytest", "-n", "0", "tests/test_style.py")


@nox.session
def coverage(session: nox.Session) -> None:
    """Lines that tests run, without kernels: compiled code is not traced."""
    session.install("-e", ".[jax,test]", "pytest-cov>=6")
    session.run("pytest", "--cov", "--cov-report=term-missing:skip-covered", *session.posargs)
