from rest_framework.pagination import PageNumberPagination


class BoundedPagination(PageNumberPagination):
    """Pages of 50 objects, or of as many as ?page_size= asks for, up to 200."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
