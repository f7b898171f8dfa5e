"""Two card processors with the same interface.

One is Stripe. The other is a sandbox for development and tests, which moves no money and needs no account.
"""
