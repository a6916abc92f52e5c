"""The live page (`brinkmap serve`): pick a sample and a victim, and watch an attack query by query.

Nothing here is imported unless asked for: FastAPI comes with the extra `ui`.
"""
