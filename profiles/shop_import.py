"""Takes a shop's customers in: a file of theirs, any number of times, with the same result."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.clock import Clock
from core.database import Database
from core.errors import InvalidInputError
from profiles.identities import Identity, IdentityKind, identity
from profiles.service import ProfileService
from profiles.traits import Trait, TraitSource, trait

BATCH = 200
SOURCE = TraitSource.SHOP


class ShopCustomer(BaseModel):
    """One line of the shop's file."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    shop_customer_id: str = Field(min_length=1, max_length=100)
    name: str = Field(min_length=1, max_length=200)
    language: str = Field(default="", max_length=16)
    tier: str = Field(default="", max_length=40)
    phone: str = Field(default="", max_length=40)
    email: str = Field(default="", max_length=320)


@dataclass(frozen=True)
class ImportReport:
    """What an import did; `n_refused` identities were unusable or belong to another customer."""

    n_created: int
    n_changed: int
    n_unchanged: int
    n_refused: int


class ShopImport:
    """Makes a customer of each line: the shop's id proved as `user`, phone and email as the shop knows them."""

    def __init__(self, database: Database, clock: Clock, profiles: ProfileService) -> None:
        self._database = database
        self._clock = clock
        self._profiles = profiles

    async def run(self, customers: Iterable[ShopCustomer]) -> ImportReport:
        """Import in batches of one transaction each; stopping half-way and running again is harmless."""
        report, batch = ImportReport(0, 0, 0, 0), list[ShopCustomer]()
        for customer in customers:
            batch.append(customer)
            if len(batch) == BATCH:
                report, batch = _sum(report, await self._run_batch(batch)), []
        return _sum(report, await self._run_batch(batch)) if batch else report

    async def _run_batch(self, customers: list[ShopCustomer]) -> ImportReport:
        n_created = n_changed = n_refused = 0
        now = self._clock.now()
        async with self._database.unit_of_work() as session:
            for customer in customers:
                user = identity(IdentityKind.USER, customer.shop_customer_id)
                customer_id, is_new = await self._profiles.find_or_make(session, user, source=SOURCE)
                changed = await self._profiles.learn(session, customer_id, _facts(customer, now))
                for address in _addresses(customer):
                    if address is None or not await self._profiles.link(session, customer_id, address, source=SOURCE):
                        n_refused += 1
                n_created += is_new
                n_changed += bool(changed) and not is_new
        return ImportReport(n_created, n_changed, len(customers) - n_created - n_changed, n_refused)


def read_shop_customers(path: Path) -> list[ShopCustomer]:
    """Read a CSV file with the columns shop_customer_id, name, language, tier, phone, email.

    Raises:
        InvalidInputError: code `bad_customer_file`; names the line and the field, not the value.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.DictReader(file, strict=True)
        return [_parse(line, path.name, lines.line_num) for line in lines]


def _parse(line: dict[str, str], file_name: str, number: int) -> ShopCustomer:
    try:
        return ShopCustomer.model_validate(line)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise InvalidInputError(
            f"{file_name}, line {number}: {faults}.", code="bad_customer_file", line=number
        ) from error


def _facts(customer: ShopCustomer, now: datetime) -> list[Trait]:
    known = {"name": customer.name, "language": customer.language, "tier": customer.tier}
    return [trait(name, value, SOURCE, now) for name, value in known.items() if value]


def _addresses(customer: ShopCustomer) -> list[Identity | None]:
    given = ((IdentityKind.PHONE, customer.phone), (IdentityKind.EMAIL, customer.email))
    return [_usable(kind, value) for kind, value in given if value]


def _usable(kind: IdentityKind, value: str) -> Identity | None:
    try:
        return identity(kind, value)
    except InvalidInputError:
        return None


def _sum(one: ImportReport, other: ImportReport) -> ImportReport:
    return ImportReport(
        one.n_created + other.n_created,
        one.n_changed + other.n_changed,
        one.n_unchanged + other.n_unchanged,
        one.n_refused + other.n_refused,
    )
