"""Shared by all tests: the template as users get it, projects, their environments, and real servers."""
