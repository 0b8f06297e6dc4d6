"""Options whose values need no pydantic get the values that Typer gives them."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.core import TyperCommand
from typer.main import get_command

from deepzoom.cli import application
from deepzoom.commands.exit_codes import Command

TYPED = {
    "nothing": [],
    "texts": ["mandelbrot", "--center", "-0.5", "1e-3", "--depth", "1e-20", "--steps", "auto"],
    "several": ["--set", "a=1", "--axis", "x=log10:rate", "--flip"],
    "numbers": ["--png-bits", "16", "--jobs", "3", "--quiet"],
    "a file to be": ["--out", "nowhere.png"],
    "a file": ["--out", __file__],
    "a folder": ["--out", str(Path(__file__).parent)],
}


def parsed(parse, arguments):
    command = get_command(application(["render"])).commands["render"]
    with command.context_class(command) as context:
        parse(command, context, list(arguments))
        return context.params


@pytest.mark.parametrize("what", TYPED)
def test_values_are_those_of_typer(what):
    plain, by_typer = (parsed(parse, TYPED[what]) for parse in (Command.parse_args, TyperCommand.parse_args))
    assert plain == by_typer
    assert {k: type(v) for k, v in plain.items()} == {k: type(v) for k, v in by_typer.items()}
