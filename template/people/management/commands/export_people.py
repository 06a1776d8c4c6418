"""manage.py export_people FILE: write all people to a CSV file, which import_people reads."""

import csv
import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from tqdm import tqdm

from ...models import Person
from .import_people import COLUMNS

# Spreadsheets run a text that starts like this as a formula, unless it has an apostrophe in front.
# import_people removes the apostrophe.
FORMULA = re.compile(r"\A(?='*[=+\-@\t\r\n])")


class Command(BaseCommand):
    help = f"Export people to a CSV file with the columns {', '.join(COLUMNS)}."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        people = Person.objects.order_by("pk").values_list(*COLUMNS)
        try:
            with file.open("w", encoding="utf-8", newline="") as lines:
                writer = csv.writer(lines)
                writer.writerow(COLUMNS)
                # disable=None shows the progress only on a terminal.
                for person in tqdm(people.iterator(), disable=None, unit=" people"):
                    writer.writerow(
                        FORMULA.sub("'", value) if isinstance(value, str) else value
                        for value in person
                    )
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error}") from error
