"""Moments relative to now, so that the demo shop never ages."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from actions.wording import SHOP_TIME_ZONE
from core.errors import ConfigError

_RELATIVE = re.compile(r"([+-])(\d+)d(?: (\d\d):(\d\d))?")


def resolve_moment(written: str, now: datetime) -> datetime:
    """Resolve `-3d 20:15` (shop's time zone) or an ISO moment; a moment of today that is still to come was yesterday's.

    Raises:
        ConfigError: the text is neither.
    """
    match = _RELATIVE.fullmatch(written)
    if match is None:
        return _parse_iso(written)
    sign, days, hour, minute = match.groups()
    today = now.astimezone(SHOP_TIME_ZONE).date()
    day = today + timedelta(days=int(days) * (1 if sign == "+" else -1))
    moment = datetime.combine(day, time(int(hour or 0), int(minute or 0)), SHOP_TIME_ZONE)
    return moment - timedelta(days=1) if sign == "-" and moment > now else moment


def resolve_day(written: str, now: datetime) -> date:
    """Resolve `+2d` or an ISO date to a day in the shop's time zone."""
    if _RELATIVE.fullmatch(written) is None:
        return _parse_iso(written).date()
    return resolve_moment(written, now).astimezone(SHOP_TIME_ZONE).date()


def _parse_iso(written: str) -> datetime:
    try:
        return datetime.fromisoformat(written)
    except ValueError as error:
        raise ConfigError(f"{written!r} is no moment; write `-3d 20:15` or ISO 8601.") from error
