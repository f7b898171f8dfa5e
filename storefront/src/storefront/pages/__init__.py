"""The pages of the shop. Each module has the pages about one thing."""

from storefront.pages import accounts, orders, selling, tickets

PAGES = (tickets.router, orders.router, selling.router, accounts.router)
