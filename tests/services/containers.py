"""Read a generated project's Compose files."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def compose(project: Path, name: str) -> dict[str, Any]:
    """Return a Compose file with resolved anchors and merges."""
    return dict(yaml.safe_load((project / name).read_text()))


def variables_of(service: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a service of a Compose file, as Compose resolves them."""

    def fill_in(match: re.Match[str]) -> str:
        return given[match[1]]

    environment = service.get("environment", {})
    return {name: re.sub(r"\$\{(\w+):\?[^}]+\}", fill_in, str(value)) for name, value in environment.items()}
