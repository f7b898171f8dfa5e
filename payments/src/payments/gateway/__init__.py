"""The card processor behind one protocol: Stripe, or a sandbox that needs no account."""
