"""Demonstrates a running platform. It sends its requests to the gateway, and shows each step.

The demo has a sale, a declined card, and an order that expires.
"""

from marketplace.demo.run import run_demo

__all__ = ["run_demo"]
