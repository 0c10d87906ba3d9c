"""The compose stack's commands: `just VERB`, `synergy stack VERB`, or `python -m synergy_cli.stack VERB`.

Only Python's standard library is used, and only the `docker` command is called: on a server nothing else need be
installed.
"""
