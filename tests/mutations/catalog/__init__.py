"""All mutations, a module for each area; the first line of a module's docstring is its heading in the documents."""

from importlib import import_module
from itertools import chain

from mutations.mutation import Mutation

AREAS = (
    "durability",
    "aggregates",
    "publishing",
    "broker_connection",
    "deliveries",
    "dead_letters",
    "newer_publishers",
    "damaged_documents",
    "unavailable_database",
    "life_of_a_service",
    "able_to_publish",
    "restored_databases",
    "orders_and_tickets",
    "listings",
    "withdrawn_tickets",
    "deadlines",
    "extended_orders",
    "payments",
    "recovery_job",
    "card_processors",
    "requests",
    "pages_and_prices",
    "live_changes",
    "storefront_pages",
    "page_scripts",
    "own_listings_page",
    "platform_page",
    "idempotent_requests",
    "access",
    "passwords_and_secrets",
    "broker_permissions",
    "manifests",
    "cluster_network",
    "cluster_credentials",
    "rollouts",
    "restarts_of_nats",
    "audit_of_aggregates",
    "audit_of_events",
    "audit_of_damage",
    "rebuild_and_repair",
    "restore_and_republish",
    "operators_commands",
    "local_platform",
)
"""In the order of docs/mutations.md."""


def title_of(area: str) -> str:
    return (import_module(f"mutations.catalog.{area}").__doc__ or area).strip().splitlines()[0].rstrip(".")


def mutations_of(area: str) -> tuple[Mutation, ...]:
    found: tuple[Mutation, ...] = import_module(f"mutations.catalog.{area}").MUTATIONS
    return found


MUTATIONS: tuple[Mutation, ...] = tuple(chain.from_iterable(map(mutations_of, AREAS)))
