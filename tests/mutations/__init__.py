"""Mutations: each removes one protection from the code, and names the tests that must fail without it."""
