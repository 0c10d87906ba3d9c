"""PostgreSQL and Redis from wheels, as child processes: the services of the embedded shape.

`postgres.EmbeddedPostgres` and `redis.EmbeddedRedis` are synchronous context managers; `home.Home` is the folder that
holds their data. Whatever keeps one of them from starting is an `errors.EmbeddedError` whose text is one sentence
that says what to do.
"""
