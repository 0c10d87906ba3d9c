"""The checks: each a function of the facts, each with a sentence for what is wrong and one for what mends it."""
