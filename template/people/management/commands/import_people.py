"""manage.py import_people FILE: import all people of a CSV file, or none."""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import transaction
from tqdm import tqdm

from ...forms import PersonForm

COLUMNS = PersonForm.base_fields.keys()


class Command(BaseCommand):
    help = f"Import people from a CSV file. Its first line names the columns: {', '.join(COLUMNS)}."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    @transaction.atomic
    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                reader = csv.DictReader(lines)
                columns = reader.fieldnames or []
                rows = [(reader.line_num, row) for row in reader]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        if missing := COLUMNS - set(columns):
            raise CommandError(f"{file} has no column {', '.join(sorted(missing))}.")
        # disable=None shows the progress bar only on a terminal.
        for number, row in tqdm(rows, disable=None, unit=" people"):
            form = PersonForm(row)
            if not form.is_valid():
                wrong = " ".join(
                    f"{field}: {message}"
                    for field, messages in form.errors.items()
                    for message in messages
                )
                raise CommandError(f"{file}, line {number}: {wrong} Nobody has been imported.")
            form.save()
        self.stdout.write(f"Imported {len(rows)} people.")
