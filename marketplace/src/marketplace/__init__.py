"""The command `marketplace`.

It runs the platform on one machine, runs the demo, generates documents, and has the commands for operators.
"""
