"""The REST API: it translates between HTTP and one call into the domain."""
