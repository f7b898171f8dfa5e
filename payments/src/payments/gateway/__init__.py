"""The two card processors, which have the same interface: Stripe, and a sandbox that needs no account."""
