"""The macros of the template, as Copier runs them."""

from pathlib import Path
from typing import Any

import yaml
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from .answers import REPOSITORY


def environment(folder: Path = REPOSITORY) -> SandboxedEnvironment:
    """Return an environment that finds macros in a folder."""
    options = yaml.safe_load((REPOSITORY / "copier.yml").read_text())["_envops"] | {"undefined": StrictUndefined}
    extensions = ["jinja2_ansible_filters.AnsibleCoreFiltersExtension"]
    return SandboxedEnvironment(loader=FileSystemLoader(folder), extensions=extensions, **options)


def module(name: str, folder: Path = REPOSITORY) -> Any:
    """Return what a file of macros defines, as attributes."""
    return environment(folder).get_template(f"extensions/{name}.jinja").module
