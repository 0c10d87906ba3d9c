"""`doctor`: looks at a running system and says, a line each, what is wrong and what mends it.

What is seen (`Facts`) is kept apart from what is thought of it (a check: a small function of the facts). Everything
but `embedded.py` and `command.py` needs Python's standard library only, because `synergy_cli.stack` uses it too.
"""
