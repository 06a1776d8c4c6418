"""What the tests share: the template as its users get it, projects, their environments and real servers."""
