"""What the documentation site has beyond docs/: pages made from the code, and files from other folders (mkdocs.yml).

- The README, the changelog and others become pages. Links follow: each is written as it works in the repository, and is
  changed to where its target is on the site.
- ``options.md`` has the options of all commands, ``landmarks.md`` all landmarks, and ``api.md`` names the Python
  interface, whose docstrings mkdocstrings then inserts.
"""

from __future__ import annotations

import os.path
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w
import typer.main

import deepzoom
from deepzoom.cli import app
from deepzoom.landmarks import Landmark, all_landmarks

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
MOVED = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CITATION.cff": "CITATION.cff",
    "CODE_OF_CONDUCT.md": "conduct.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "benchmarks/LOG.md": "measurements.md",
}
"""Where files of the repository are on the site. Those of docs/ are where they are within docs/."""
FURTHER = (
    "errors.InputError", "scene.colours.Colouring", "colouring.colour.coloured", "pictures.png.read_scene",
    "pictures.png.write_png", "reference.nucleus.find", "measuring.probe.probe", "systems.escape_time.EscapeTimeMap",
    "systems.base.Setting", "arithmetic.exact.Exact", "arithmetic.difference.Batch", "arithmetic.delta.Delta",
)  # fmt: skip
"""What else docs/python.md and docs/probe.md use."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/."""
    from mkdocs.structure.files import File

    texts = {site: (ROOT / source).read_text(encoding="utf-8") for source, site in MOVED.items()}
    texts |= {"options.md": options_page(), "landmarks.md": landmarks_page(), "api.md": api_page()}
    for site, text in texts.items():
        files.append(File.generated(config, site, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A page's text, with its links to other files of the repository changed to where those are on the site."""
    # a vertical bar in a table's code: GitHub needs a backslash before it, and here the backslash would show
    markdown = re.sub(r"`[^`\n]+`", lambda code: code[0].replace(r"\|", "|"), markdown)
    return with_links(markdown, page.file.src_uri)


def with_links(markdown: str, site: str) -> str:
    """The text of the page at ``site``, its links changed from places in the repository to places on the site."""
    source = next((old for old, new in MOVED.items() if new == site), f"docs/{site}")

    def moved(link: re.Match[str]) -> str:
        target, mark, anchor = link[1].partition("#")
        if not target or ":" in target:
            return link[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        place = MOVED.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
        if place is None:  # mkdocs then names this link in a warning
            return link[0]
        return f"]({os.path.relpath(place, posixpath.dirname(site) or '.').replace(os.sep, '/')}{mark}{anchor})"

    return re.sub(r"\]\(([^)\s]+)\)", moved, markdown)


def options_page() -> str:
    """The arguments and options of every command, from the commands themselves."""
    group: Any = typer.main.get_command(app)
    lines = ["# Every option", "", "Made from the commands. [Commands](commands.md) explains them with examples."]
    for name, command in group.commands.items():
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        usage = " ".join([f"deepzoom {name}", *(p.metavar for p in arguments), "[options]"])
        lines += ["", f"## {name}", "", command.help, "", f"    {usage}", ""]
        panels: dict[str, list[Any]] = {"Arguments": arguments}
        for option in command.params:
            if option.param_type_name == "option" and option.name != "help":
                panels.setdefault(getattr(option, "rich_help_panel", None) or "Options", []).append(option)
        for panel, parameters in panels.items():
            if parameters:
                lines += ["", f"| {panel} | |", "|---|---|", *map(_row, parameters)]
    return "\n".join(lines) + "\n"


def _row(parameter: Any) -> str:
    """A row of a table: how a parameter is written, and its help."""
    names = ", ".join((*parameter.opts, *parameter.secondary_opts))
    written = parameter.metavar if parameter.param_type_name == "argument" else f"{names} {parameter.metavar or ''}"
    cells = f"`{written.strip()}`", parameter.help or ""
    return "| " + " | ".join(c.replace("|", r"\|").replace("<", "&lt;") for c in cells) + " |"


def landmarks_page() -> str:
    """All landmarks with their pictures and exact coordinates."""
    lines = ["# Landmarks", "", "All places that `deepzoom landmarks` lists, with their exact coordinates."]
    system = ""
    for place in all_landmarks():
        if place.system != system:
            system = place.system
            lines += ["", f"## {system}"]
        lines += ["", f"### {place.name}", "", f"{place.note[0].upper()}{place.note[1:]}.", ""]
        lines += [f"![{place.name}](gallery/{place.name}.webp){{ loading=lazy width=384 }}", ""]
        lines += ["```sh", f"deepzoom render --at {place.name}", "```", "", "```toml", _facts(place), "```"]
    return "\n".join(lines) + "\n"


def _facts(place: Landmark) -> str:
    facts: dict[str, Any] = {name: getattr(place, name) for name in ("x", "y", "depth", "reaches", "steps")}
    return tomli_w.dumps(facts | ({"settings": dict(place.settings)} if place.settings else {})).strip()


def api_page() -> str:
    """What mkdocstrings replaces by the docstrings of the Python interface."""
    names = [name for name in deepzoom.__all__ if name != "__version__"]
    lines = ["# Python reference", "", "Made from the docstrings. [From Python](python.md) begins with examples.", ""]
    lines += ["## deepzoom", "", *(f"::: deepzoom.{name}\n    options: {{heading_level: 3}}\n" for name in names)]
    lines += ["## Further", "", *(f"::: deepzoom.{name}\n    options: {{heading_level: 3}}\n" for name in FURTHER)]
    return "\n".join(lines) + "\n"
