"""Whose days a period counts, and on which holidays it does not end. Knows no tables: the settings read it too."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import holidays

from audits.evidence.periods import Clock

_YEARS_AHEAD = 2


@dataclass(frozen=True)
class Calendar:
    """By which a request's period is counted; it stays that of the day on which the request came in."""

    zone: str
    """IANA name of a time zone."""
    holidays: str
    """A country such as `FR`, or a region such as `DE-BY`; empty: no period ends on Saturdays and Sundays alone."""

    def clock(self, received_at: datetime, paused: timedelta = timedelta(0), extended: bool = False) -> Clock:
        """With what moved a request's period."""
        return Clock(self.zone, public_holidays(self.holidays, received_at.year), paused, extended)


def known_place(place: str) -> str | None:
    """A country, or a region of one, as its holidays are known under; None where they aren't."""
    country, _, region = place.strip().partition("-")
    country = country.upper()
    regions = holidays.list_supported_countries().get(country)
    if regions is None:
        return None
    if not region:
        return country
    found = next((one for one in regions if one.casefold() == region.casefold()), None)
    return None if found is None else f"{country}-{found}"


def public_holidays(place: str, year: int) -> frozenset[date]:
    """Of the year and the next; of no place, none."""
    if not place:
        return frozenset()
    country, _, region = place.partition("-")
    years = range(year, year + _YEARS_AHEAD)
    return frozenset(holidays.country_holidays(country, subdiv=region or None, years=years))
