"""Reads data/demo_shop into one SQLite file."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

import aiosqlite

from actions.orders import Money
from core.errors import ConfigError

TABLES = ("customers", "products", "orders", "scans", "coupons")
SHOP_CURRENCY = "CNY"

_SCHEMA = """
CREATE TABLE about (fingerprint TEXT NOT NULL);
CREATE TABLE customers (
    shop_customer_id TEXT PRIMARY KEY, name TEXT NOT NULL, language TEXT NOT NULL, tier TEXT NOT NULL,
    phone TEXT NOT NULL, email TEXT NOT NULL
);
CREATE TABLE products (
    sku TEXT PRIMARY KEY, name_zh TEXT NOT NULL, name_en TEXT NOT NULL, aliases TEXT NOT NULL,
    price TEXT NOT NULL, stock INTEGER NOT NULL, description_zh TEXT NOT NULL, description_en TEXT NOT NULL
);
CREATE TABLE orders (
    order_number TEXT PRIMARY KEY, shop_customer_id TEXT NOT NULL REFERENCES customers, state TEXT NOT NULL,
    placed_at TEXT NOT NULL, estimated_on TEXT NOT NULL, delivered_at TEXT NOT NULL, items TEXT NOT NULL,
    address TEXT NOT NULL, carrier TEXT NOT NULL, tracking_number TEXT NOT NULL, "case" TEXT NOT NULL,
    invoice_title TEXT NOT NULL
);
CREATE INDEX orders_by_customer ON orders (shop_customer_id);
CREATE TABLE scans (
    order_number TEXT NOT NULL REFERENCES orders, at TEXT NOT NULL, place_zh TEXT NOT NULL, place_en TEXT NOT NULL,
    text_zh TEXT NOT NULL, text_en TEXT NOT NULL
);
CREATE INDEX scans_by_order ON scans (order_number);
CREATE TABLE coupons (
    code TEXT NOT NULL, shop_customer_id TEXT NOT NULL REFERENCES customers, title_zh TEXT NOT NULL,
    title_en TEXT NOT NULL, valid_until TEXT NOT NULL
);
CREATE TABLE cases (
    case_id INTEGER PRIMARY KEY AUTOINCREMENT, order_number TEXT NOT NULL REFERENCES orders, kind TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL, opened_at TEXT NOT NULL, expected_on TEXT NOT NULL
);
CREATE TABLE invoices (
    order_number TEXT PRIMARY KEY REFERENCES orders, title TEXT NOT NULL, requested_at TEXT NOT NULL
);
CREATE TABLE done (idempotency_key TEXT PRIMARY KEY, what TEXT NOT NULL, order_number TEXT NOT NULL);
"""


def fingerprint(data_dir: Path) -> str:
    """Return a digest of the data's files and of the schema they go into."""
    digest = hashlib.sha256(_SCHEMA.encode())
    for table in TABLES:
        digest.update(_file(data_dir, table).read_bytes())
    return digest.hexdigest()


async def copy_into(connection: aiosqlite.Connection, data_dir: Path) -> None:
    """Make the tables and fill them; the caller commits.

    Raises:
        ConfigError: a file has other columns than its table, or names an unknown customer, product or order.
    """
    await connection.executescript(_SCHEMA)
    for table in TABLES:
        for row in _rows(data_dir, table):
            columns = ", ".join(f'"{column}"' for column in row)
            marks = ", ".join("?" * len(row))
            try:
                await connection.execute(
                    f"INSERT INTO {table} ({columns}) VALUES ({marks})",  # noqa: S608  # names are this module's and files'
                    list(row.values()),
                )
            except aiosqlite.Error as error:
                raise ConfigError(f"{_file(data_dir, table)}: {row!r} does not fit: {error}.") from error
    await _split_cases_and_invoices(connection)
    await connection.execute("INSERT INTO about VALUES (?)", [fingerprint(data_dir)])


async def _split_cases_and_invoices(connection: aiosqlite.Connection) -> None:
    """Give the cases and invoices of the orders' file rows of their own, where the customers' new ones go too."""
    async with connection.execute('SELECT order_number, placed_at, "case", invoice_title FROM orders') as cursor:
        rows = list(await cursor.fetchall())
    for number, placed_at, case, title in rows:
        if case:
            kind, state, reason, rest = str(case).split(":", 3)
            opened_at, _, expected_on = rest.rpartition(":")
            await connection.execute(
                "INSERT INTO cases VALUES (NULL, ?, ?, ?, ?, ?, ?)",
                [number, kind, state, reason, opened_at, expected_on],
            )
        if title:
            await connection.execute("INSERT INTO invoices VALUES (?, ?, ?)", [number, title, placed_at])


def read_items(written: str) -> Iterator[tuple[str, int]]:
    """Read `sku*quantity;...`."""
    for part in written.split(";"):
        sku, _, quantity = part.partition("*")
        yield sku, int(quantity)


def read_price(written: str) -> Money:
    """Read `599.00` as an amount in the shop's currency."""
    whole, _, cents = written.partition(".")
    return Money(int(whole) * 100 + int(cents or 0), SHOP_CURRENCY)


def _rows(data_dir: Path, table: str) -> list[dict[str, str]]:
    with _file(data_dir, table).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def _file(data_dir: Path, table: str) -> Path:
    return data_dir / f"{table}.csv"
