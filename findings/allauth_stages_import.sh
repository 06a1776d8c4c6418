#!/usr/bin/env bash
# django-allauth 65.22.1 with Django 6.1.3: its module of login stages cannot be imported by itself.
#
# allauth lets projects replace a login stage by a class of their own, which extends one in allauth.account.stages. One would
# guess that a module with such a class can import allauth.account.stages like any other module, once django.setup() has
# run. It can only after allauth.account.utils has been imported: allauth.account.stages and allauth.account.adapter import
# each other through it. A project meets this by chance: Django keeps its checks in a set, and only some of them import
# allauth.account.utils first, so the same project starts or fails depending on their order.
#
# Needs a Python that Django 6.1 supports (3.12 or newer): set PYTHON to its path if python3 is older.
# Ends with 0 while allauth behaves like that, and with 1 when it no longer does.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check Django==6.1.3 django-allauth==65.22.1

cat > "$folder/import_modules.py" <<'END'
import importlib
import sys

import django
from django.conf import settings

apps = ["auth", "contenttypes", "messages", "sessions"]
settings.configure(
    INSTALLED_APPS=["allauth", "allauth.account", *(f"django.contrib.{app}" for app in apps)],
    MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
    SECRET_KEY="not a secret",
)
django.setup()
for name in sys.argv[1:]:
    importlib.import_module(f"allauth.account.{name}")
print("imported:", *sys.argv[1:])
END

# Prints the last line, that of the error or of success.
run() { { "$folder/bin/python" "$folder/import_modules.py" "$@" 2>&1 || :; } | tail -n 1; }

run stages
# Seen: ImportError: cannot import name 'LoginStage' from partially initialized module 'allauth.account.stages' ...
run adapter stages
# Seen: the same.
run utils stages
# Seen: imported: utils stages

[[ $(run stages) == ImportError:*LoginStage* ]]
[[ $(run adapter stages) == ImportError:*LoginStage* ]]
[[ $(run utils stages) == "imported: utils stages" ]]
