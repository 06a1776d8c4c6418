"""Keep Copier's compiled templates in memory: the tests render the same templates thousands of times."""

import copy
from pathlib import Path
from types import CodeType
from typing import Any

import copier._template
import pytest
from jinja2 import Environment


def remember_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile each template once, and read each version of copier.yml once, even from different folders."""
    compile_template, load = Environment.compile, copier._template.load_template_config
    compiled: dict[tuple[object, ...], CodeType] = {}
    loaded: dict[bytes, dict[str, Any]] = {}

    def compile_once(self: Environment, source: str, name: str | None = None, filename: str | None = None) -> CodeType:
        syntax = (self.block_start_string, self.variable_start_string, self.keep_trailing_newline, self.trim_blocks)
        key = (source, name, type(self), *self.extensions, *syntax)
        if key not in compiled:
            compiled[key] = compile_template(self, source, name, filename)
        return compiled[key]

    def load_once(path: Path, quiet: bool = False) -> dict[str, Any]:
        text = path.read_bytes()
        if text not in loaded:
            loaded[text] = load(path, quiet)
        return copy.deepcopy(loaded[text])

    monkeypatch.setattr(Environment, "compile", compile_once)
    monkeypatch.setattr(copier._template, "load_template_config", load_once)
