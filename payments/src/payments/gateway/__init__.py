"""Two card processors with the same interface. One is Stripe. The other is a sandbox, which needs no account."""
