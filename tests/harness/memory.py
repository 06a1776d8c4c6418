"""Keep compiled templates in memory: the tests let Copier render the same templates thousands of times."""

import copy
from types import CodeType
from typing import TYPE_CHECKING, Any

import yaml
from jinja2 import Environment

if TYPE_CHECKING:
    import pytest  # benchmarks.copying uses this module without pytest, whose import takes longer than what it measures


def remember_templates(monkeypatch: "pytest.MonkeyPatch") -> None:
    """Compile each template once, and parse each version of copier.yml once.

    Replaces public functions of Jinja and PyYAML that Copier calls, and nothing of Copier itself.
    """
    compile_template, load_all = Environment.compile, yaml.load_all
    compiled: dict[tuple[object, ...], CodeType] = {}
    loaded: dict[bytes | str, list[Any]] = {}

    def compile_once(self: Environment, source: str, name: str | None = None, filename: str | None = None) -> CodeType:
        syntax = (self.block_start_string, self.variable_start_string, self.keep_trailing_newline, self.trim_blocks)
        key = (source, name, type(self), *self.extensions, *syntax)
        if key not in compiled:
            compiled[key] = compile_template(self, source, name, filename)
        return compiled[key]

    def load_once(stream: Any, *args: Any, **kwargs: Any) -> list[Any]:
        text = stream if isinstance(stream, bytes | str) else stream.read()
        if text not in loaded:
            loaded[text] = list(load_all(text, *args, **kwargs))
        return copy.deepcopy(loaded[text])

    monkeypatch.setattr(Environment, "compile", compile_once)
    monkeypatch.setattr(yaml, "load_all", load_once)
