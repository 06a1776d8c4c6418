"""manage.py import_people FILE: import all people of a CSV file, or none.

bulk_create() sends no signals of models, such as post_save.
"""

import csv
import re
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import batched
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError
from django.db import IntegrityError, reset_queries, transaction
from tqdm import tqdm

from ...forms import PersonForm
from ...models import Person

COLUMNS = PersonForm.base_fields.keys()
# What export_people puts before a text that spreadsheets would take for a formula.
APOSTROPHE = re.compile(r"\A'(?='*[=+\-@\t\r\n])")

type Row = tuple[int, dict[str, str]]


class RowForm(PersonForm):
    """Has the rules of PersonForm, but leaves to the database what takes a query for each row."""

    def validate_unique(self) -> None:
        pass

    def validate_constraints(self) -> None:
        pass


class Command(BaseCommand):
    help = (
        f"Import people from a CSV file. Its first line names the columns: {', '.join(COLUMNS)}."
        " Sends no signals of models, such as post_save."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    @transaction.atomic
    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        count = 0
        try:
            for rows in batched(read(file), 1000):
                store(file, rows)
                count += len(rows)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        self.stdout.write(f"Imported {count} people.")


def read(file: Path) -> Iterator[Row]:
    """Yield the number of the last line of each row, and its columns."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, restval="")
        if missing := COLUMNS - set(reader.fieldnames or []):
            raise CommandError(f"{file} has no column {', '.join(sorted(missing))}.")
        # disable=None shows the progress only on a terminal.
        for row in tqdm(reader, disable=None, unit=" people"):
            yield reader.line_num, {name: APOSTROPHE.sub("", row[name]) for name in COLUMNS}


def store(file: Path, rows: tuple[Row, ...]) -> None:
    """Store rows all at once, or, if one of them is invalid, one by one, to find it.

    Raises CommandError, which names the line.
    """
    reset_queries()  # with DEBUG, Django keeps the text of each query
    try:
        with transaction.atomic():
            Person.objects.bulk_create(check(rows))
    except (IntegrityError, ValidationError):
        for number, row in rows:
            form = PersonForm(row)
            if not form.is_valid():
                wrong = " ".join(
                    f"{field}: {message}"
                    for field, messages in form.errors.items()
                    for message in messages
                )
                raise CommandError(
                    f"{file}, line {number}: {wrong} Nobody has been imported."
                ) from None
            form.save()


def check(rows: tuple[Row, ...]) -> Iterator[Person]:
    """Yield the people of valid rows. One form checks them all: a form of each would take longer.

    Raises ValidationError if a row is invalid.
    """
    form = RowForm({})
    for _, row in rows:
        form.data, form.instance = row, Person()
        form.full_clean()
        if form.errors:
            raise ValidationError("A row is invalid.")
        yield form.instance
