"""Plays a sale, a declined card and an expiry on a running platform, through its gateway, and shows each step."""

from marketplace.demo.run import run_demo

__all__ = ["run_demo"]
