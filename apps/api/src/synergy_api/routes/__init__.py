"""The routes, a module for each domain; each makes one call into the domain."""
