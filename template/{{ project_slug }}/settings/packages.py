from importlib.util import find_spec

from django.core.exceptions import ImproperlyConfigured


def require(settings: str, group: str, *packages: str) -> None:
    """Raise ImproperlyConfigured if a package of a dependency group is not installed."""
    package, _, environment = settings.rpartition(".")
    other = "development" if environment == "production" else "production"
    if missing := [name for name in packages if not find_spec(name)]:
        raise ImproperlyConfigured(
            f"{settings} needs {' and '.join(missing)}: install the packages of the group {group}"
            f" with uv sync --group {group}, or set the variable DJANGO_SETTINGS_MODULE to"
            f" {package}.{other}."
        )
