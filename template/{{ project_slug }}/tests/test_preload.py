from unittest import mock

from django.template.backends.django import DjangoTemplates
from django.test import SimpleTestCase

from ..preload import preload


class PreloadTests(SimpleTestCase):
    def test_loads_templates_before_they_are_requested(self) -> None:
        with mock.patch.object(DjangoTemplates, "get_template") as get_template:
            preload()

        get_template.assert_any_call("404.html")
