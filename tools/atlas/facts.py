# SPDX-License-Identifier: Apache-2.0
"""The world that Atlas knows: countries, rivers, mountains and cities.

The facts live in tab-separated tables under ``facts/``; this module loads
them into immutable records and refuses tables that contradict themselves.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

TABLES = Path(__file__).resolve().parent / "facts"


@dataclass(frozen=True)
class Country:
    """One row of ``countries.tsv``."""

    bare_name: str
    article: str
    capital: str
    continent: str
    region: str
    neighbours: tuple[str, ...]
    languages: tuple[str, ...]
    currency: str
    adjective: str
    waters: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name as it stands inside a sentence: ``the Netherlands``."""
        return f"{self.article} {self.bare_name}".strip()

    @property
    def possessive(self) -> str:
        """The owner form: ``France's``, ``the Netherlands'``."""
        plural = self.article and self.name.endswith("s")
        return self.name + ("'" if plural else "'s")


@dataclass(frozen=True)
class River:
    """One row of ``rivers.tsv``."""

    bare_name: str
    continent: str
    countries: tuple[str, ...]
    mouth: str

    @property
    def name(self) -> str:
        """The name as it stands inside a sentence: ``the Nile``."""
        return f"the {self.bare_name}"


@dataclass(frozen=True)
class Mountain:
    """One row of ``mountains.tsv``; ``range`` may be empty."""

    name: str
    range: str
    countries: tuple[str, ...]


@dataclass(frozen=True)
class City:
    """One row of ``cities.tsv``: a well-known city that is not a capital."""

    name: str
    country: str


@dataclass(frozen=True)
class World:
    """All facts, with the look-ups that text generation needs."""

    countries: tuple[Country, ...]
    rivers: tuple[River, ...]
    mountains: tuple[Mountain, ...]
    cities: tuple[City, ...]

    @cached_property
    def by_name(self) -> dict[str, Country]:
        """Countries by their bare name."""
        return {country.bare_name: country for country in self.countries}

    @cached_property
    def continents(self) -> dict[str, tuple[Country, ...]]:
        """Countries grouped by continent, in table order."""
        return _group(self.countries, [country.continent for country in self.countries])

    @cached_property
    def regions(self) -> dict[str, tuple[Country, ...]]:
        """Countries grouped by region, in table order."""
        return _group(self.countries, [country.region for country in self.countries])

    @cached_property
    def unique_adjectives(self) -> frozenset[str]:
        """Adjectives that mean exactly one country ("Congolese" does not)."""
        counts = Counter(country.adjective for country in self.countries)
        return frozenset(adjective for adjective, count in counts.items() if count == 1)

    def rivers_of(self, country: Country) -> tuple[River, ...]:
        """The rivers that flow through a country."""
        return tuple(river for river in self.rivers if country.bare_name in river.countries)

    def mountains_of(self, country: Country) -> tuple[Mountain, ...]:
        """The mountains that stand in a country."""
        return tuple(peak for peak in self.mountains if country.bare_name in peak.countries)

    def cities_of(self, country: Country) -> tuple[City, ...]:
        """The well-known cities of a country other than its capital."""
        return tuple(city for city in self.cities if city.country == country.bare_name)


def _group(countries: tuple[Country, ...], keys: list[str]) -> dict[str, tuple[Country, ...]]:
    """Group countries by the key at the same position."""
    groups: dict[str, list[Country]] = {}
    for country, key in zip(countries, keys):
        groups.setdefault(key, []).append(country)
    return {key: tuple(members) for key, members in groups.items()}


def _read_table(name: str) -> list[dict[str, str]]:
    """Read one table as a list of rows keyed by column name."""
    with (TABLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _split(cell: str) -> tuple[str, ...]:
    """Split a comma-separated cell; an empty cell is an empty tuple."""
    return tuple(cell.split(", ")) if cell else ()


def _check(world: World) -> None:
    """Refuse tables that contradict themselves."""
    if len(world.by_name) != len(world.countries):
        raise ValueError("a country is listed twice")
    for country in world.countries:
        for neighbour in country.neighbours:
            if country.bare_name not in world.by_name[neighbour].neighbours:
                raise ValueError(f"{country.bare_name} borders {neighbour}, but not the reverse")
    capitals = {country.capital for country in world.countries}
    for city in world.cities:
        if city.country not in world.by_name or city.name in capitals:
            raise ValueError(f"bad city row: {city}")
    for feature in (*world.rivers, *world.mountains):
        for name in feature.countries:
            if name not in world.by_name:
                raise ValueError(f"{feature} names an unknown country")


def load_world() -> World:
    """Load and check all tables."""
    countries = tuple(
        Country(
            bare_name=row["name"],
            article=row["article"],
            capital=row["capital"],
            continent=row["continent"],
            region=row["region"],
            neighbours=_split(row["neighbours"]),
            languages=_split(row["languages"]),
            currency=row["currency"],
            adjective=row["adjective"],
            waters=_split(row["waters"]),
        )
        for row in _read_table("countries.tsv")
    )
    rivers = tuple(
        River(row["name"], row["continent"], _split(row["countries"]), row["mouth"])
        for row in _read_table("rivers.tsv")
    )
    mountains = tuple(
        Mountain(row["name"], row["range"], _split(row["countries"]))
        for row in _read_table("mountains.tsv")
    )
    cities = tuple(City(row["name"], row["country"]) for row in _read_table("cities.tsv"))
    world = World(countries, rivers, mountains, cities)
    _check(world)
    return world
