"""The product, domain by domain. Each package's `__init__` is what others may use of it."""
