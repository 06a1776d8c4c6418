from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request


class BoundedPagination(PageNumberPagination):
    """Pages of 50 objects, or of as many as ?page_size= asks for, up to 200."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def get_page_size(self, request: Request) -> int | None:
        asked = request.query_params.get(self.page_size_query_param, "1")
        if not asked.isascii() or not asked.isdecimal() or not asked.strip("0"):
            raise ValidationError({self.page_size_query_param: ["A positive number is required."]})
        return self.max_page_size if len(asked) > 9 else super().get_page_size(request)
