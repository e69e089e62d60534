# SPDX-License-Identifier: Apache-2.0
"""Write Atlas's training text: short documents about the world.

A document is a few sentences on one subject. Everything is drawn from one
seeded random generator, so the same seed always gives the same text.

    python3 generate.py --documents 20 --seed 1
"""

from __future__ import annotations

import argparse
import re
from collections import deque
from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random

import templates
from facts import City, Country, Mountain, River, World, load_world

NUMBER_WORDS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen",
)  # fmt: skip

SENTENCE_START = re.compile(r"(?:^|(?<=[.?][ \n])|(?<=\bA: )|(?<=\bAnswer: ))[a-z]")

JUMP_SHARE = 0.25
"""How often the text leaves the neighbourhood of the country it spoke about."""

RECENT_COUNTRIES = 12
"""How many countries the text remembers, so as not to return to them at once."""

PORTRAIT_RELATIONS = {
    "capital": 3.0,
    "continent": 1.5,
    "region": 1.0,
    "languages": 1.5,
    "neighbours": 2.0,
    "neighbour_pair": 1.0,
    "waters": 0.7,
    "currency": 1.3,
    "adjective": 0.3,
    "rivers": 0.6,
    "mountains": 0.4,
    "cities": 0.6,
}
"""How often each relation turns up in the portrait of a country."""


def join_words(words: list[str] | tuple[str, ...]) -> str:
    """Write a list out in words: ``a, b and c``."""
    if len(words) == 1:
        return words[0]
    return ", ".join(words[:-1]) + " and " + words[-1]


def with_article(water: str) -> str:
    """Name a sea or river as it stands in a sentence: ``the Black Sea``."""
    return f"the {water}"


def write_document(sentences: list[str]) -> str:
    """Put sentences together; a question and answer on two lines stand apart."""
    text = sentences[0]
    for previous, sentence in pairwise(sentences):
        text += ("\n" if "\n" in previous + sentence else " ") + sentence
    return SENTENCE_START.sub(lambda letter: letter.group().upper(), text)


def country_fields(world: World, country: Country) -> dict[str, str]:
    """The template fields that one country fills on its own."""
    neighbours = [world.by_name[name].name for name in country.neighbours]
    fields = {
        "country": country.name,
        "owner": country.possessive,
        "capital": country.capital,
        "continent": country.continent,
        "region": country.region,
        "currency": country.currency,
        "adjective": country.adjective,
        "languages": join_words(country.languages),
    }
    if neighbours:
        fields["neighbours"] = join_words(neighbours)
        fields["neighbour_count"] = NUMBER_WORDS[len(neighbours)]
    if country.waters:
        fields["waters"] = join_words([with_article(water) for water in country.waters])
    return fields


class Generator:
    """A seeded, endless source of documents."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = Random(seed)
        self.fields = {
            country.bare_name: country_fields(world, country) for country in world.countries
        }
        self.speakers = self._group_by_language()
        self.related = {
            country.bare_name: self._related_countries(country) for country in world.countries
        }
        self.recent: deque[Country] = deque(world.countries[:1], maxlen=RECENT_COUNTRIES)
        self.recipes: dict[Callable[[], list[str]], float] = {
            self.capital_run: 0.24,
            self.capital_pairs: 0.07,
            self.portrait: 0.41,
            self.neighbourhood: 0.06,
            self.river: 0.04,
            self.mountain: 0.03,
            self.city: 0.10,
            self.group: 0.04,
            self.language: 0.01,
        }

    def documents(self) -> Iterator[str]:
        """Yield documents for ever."""
        recipes = list(self.recipes)
        weights = list(self.recipes.values())
        while True:
            recipe = self.random.choices(recipes, weights)[0]
            yield write_document(recipe())

    # Documents ---------------------------------------------------------------

    def capital_run(self) -> list[str]:
        """Capitals of several countries, one after the other."""
        count = self.random.randint(1, 4)
        return [self.capital_sentence(self._next_country()) for _ in range(count)]

    def capital_pairs(self) -> list[str]:
        """Two countries compared with each other."""
        country, other = self._next_country(), self._next_country()
        fields = self._pair_fields(country, other)
        same = country.continent == other.continent
        sentences = [
            self._fill(templates.CAPITAL_PAIR, fields),
            self._fill(templates.SAME_CONTINENT if same else templates.OTHER_CONTINENT, fields),
        ]
        self.random.shuffle(sentences)
        return sentences

    def portrait(self) -> list[str]:
        """A paragraph about one country."""
        country = self._next_country()
        makers = self._relation_makers(country)
        relations = list(makers)
        weights = [PORTRAIT_RELATIONS[relation] for relation in relations]
        sentences: list[str] = []
        for _ in range(self.random.randint(2, 6)):
            index = self.random.choices(range(len(relations)), weights)[0]
            weights[index] = 0.0
            sentence = makers[relations[index]]()
            sentences.append(self._with_pronoun(sentence, country) if sentences else sentence)
            if not any(weights):
                break
        return sentences

    def neighbourhood(self) -> list[str]:
        """A country and some of its neighbours."""
        country = self._next_country()
        while not country.neighbours:
            country = self._next_country()
        neighbour = self.world.by_name[self.random.choice(country.neighbours)]
        pair = self._pair_fields(country, neighbour)
        sentences = [
            self.neighbour_pair_sentence(country),
            self.neighbour_sentence(country),
            self.capital_sentence(neighbour),
            self._fill(templates.CAPITAL_PAIR, pair),
        ]
        return self.random.sample(sentences, self.random.randint(2, 3))

    def river(self) -> list[str]:
        """A river, and perhaps a country on its way."""
        river = self.random.choice(self.world.rivers)
        sentences = self._some(templates.RIVER, self._river_fields(river))
        return sentences + self._perhaps_capital(river.countries)

    def mountain(self) -> list[str]:
        """A mountain, and perhaps the country it stands in."""
        mountain = self.random.choice(self.world.mountains)
        patterns = templates.MOUNTAIN
        if mountain.range:
            patterns += templates.MOUNTAIN_RANGE
        sentences = self._some(patterns, self._mountain_fields(mountain))
        return sentences + self._perhaps_capital(mountain.countries)

    def city(self) -> list[str]:
        """A city that is not a capital, and perhaps the one that is."""
        city = self.random.choice(self.world.cities)
        fields = self.fields[city.country] | {"city": city.name}
        return self._some(templates.CITY, fields) + self._perhaps_capital((city.country,))

    def group(self) -> list[str]:
        """A continent or a region and some of its countries."""
        if self.random.random() < 0.5:
            continent, countries = self.random.choice(list(self.world.continents.items()))
            opening = {"continent": continent, "count": str(len(countries))}
            sentences = [
                self._fill(templates.CONTINENT_OPENING, opening),
                self._group_sentence(continent, countries),
            ]
        else:
            region, countries = self.random.choice(
                [item for item in self.world.regions.items() if len(item[1]) > 1]
            )
            sentences = [self._group_sentence(region, countries)]
        return sentences + self._perhaps_capital(tuple(c.bare_name for c in countries))

    def language(self) -> list[str]:
        """A language and some countries in which it is spoken."""
        language = self.random.choice(list(self.speakers))
        members = self._some_names(self.speakers[language])
        sentence = self._fill(templates.SPEAKERS, {"language": language, "members": members})
        return [sentence] + self._perhaps_capital(
            tuple(country.bare_name for country in self.speakers[language])
        )

    # Sentences ---------------------------------------------------------------

    def capital_sentence(self, country: Country) -> str:
        """A country and its capital, in either direction."""
        draw = self.random.random()
        if draw < 0.15:
            patterns: tuple[str, ...] = (templates.PLAIN_CAPITAL,)
        elif draw < 0.35:
            patterns = templates.COUNTRY_OF_CAPITAL
        elif draw < 0.45 and country.adjective in self.world.unique_adjectives:
            patterns = templates.CAPITAL_FROM_ADJECTIVE
        else:
            patterns = templates.CAPITAL
        return self._fill(patterns, self.fields[country.bare_name])

    def language_sentence(self, country: Country) -> str:
        """The main languages of a country."""
        single = len(country.languages) == 1
        patterns = templates.ONE_LANGUAGE if single else templates.MANY_LANGUAGES
        return self._fill(patterns + templates.ANY_LANGUAGES, self.fields[country.bare_name])

    def neighbour_sentence(self, country: Country) -> str:
        """All land neighbours of a country."""
        patterns = {0: templates.NO_NEIGHBOURS, 1: templates.ONE_NEIGHBOUR}.get(
            len(country.neighbours), templates.MANY_NEIGHBOURS
        )
        return self._fill(patterns, self.fields[country.bare_name])

    def neighbour_pair_sentence(self, country: Country) -> str:
        """A country and one of its land neighbours."""
        neighbour = self.world.by_name[self.random.choice(country.neighbours)].name
        fields = self.fields[country.bare_name] | {"neighbour": neighbour}
        return self._fill(templates.NEIGHBOUR_PAIR, fields)

    def _relation_makers(self, country: Country) -> dict[str, Callable[[], str]]:
        """The relations a portrait of this country can speak about."""
        fields = self.fields[country.bare_name]
        rivers = self.world.rivers_of(country)
        mountains = self.world.mountains_of(country)
        cities = self.world.cities_of(country)
        makers: dict[str, Callable[[], str]] = {
            "capital": lambda: self.capital_sentence(country),
            "continent": lambda: self._fill(templates.CONTINENT, fields),
            "region": lambda: self._fill(templates.REGION, fields),
            "languages": lambda: self.language_sentence(country),
            "neighbours": lambda: self.neighbour_sentence(country),
            "waters": lambda: self._fill(
                templates.WATERS if country.waters else templates.LANDLOCKED, fields
            ),
            "currency": lambda: self._fill(templates.CURRENCY, fields),
            "adjective": lambda: self._fill(templates.ADJECTIVE, fields),
        }
        if country.neighbours:
            makers["neighbour_pair"] = lambda: self.neighbour_pair_sentence(country)
        if rivers:
            makers["rivers"] = lambda: self._rivers_sentence(rivers, fields)
        if mountains:
            makers["mountains"] = lambda: self._fill(
                templates.MOUNTAINS, fields | {"mountains": self._some_names(mountains)}
            )
        if cities:
            makers["cities"] = lambda: self._fill(
                templates.CITIES, fields | {"cities": self._some_names(cities)}
            )
        return makers

    def _rivers_sentence(self, rivers: tuple[River, ...], fields: dict[str, str]) -> str:
        """Rivers of a country, with the verbs in agreement."""
        chosen = self.random.sample(rivers, self.random.randint(1, min(3, len(rivers))))
        single = len(chosen) == 1
        words = {
            "rivers": join_words([river.name for river in chosen]),
            "flow": "flows" if single else "flow",
            "are": "is" if single else "are",
        }
        return self._fill(templates.RIVERS, fields | words)

    def _group_sentence(self, group: str, countries: tuple[Country, ...]) -> str:
        """Some members of a continent or region."""
        members = self._some_names(countries)
        return self._fill(templates.GROUP_OF_COUNTRIES, {"group": group, "members": members})

    def _perhaps_capital(self, names: tuple[str, ...]) -> list[str]:
        """Now and then, a capital sentence about one of these countries."""
        if self.random.random() < 0.5:
            return []
        return [self.capital_sentence(self.world.by_name[self.random.choice(names)])]

    def _with_pronoun(self, sentence: str, country: Country) -> str:
        """Now and then, open a further sentence on a country with "it"."""
        if self.random.random() < 0.5:
            if sentence.startswith(country.possessive + " "):
                return "its" + sentence[len(country.possessive) :]
            if sentence.startswith(country.name + " ") and " and " not in sentence:
                return "it" + sentence[len(country.name) :]
        return sentence

    # Parts -------------------------------------------------------------------

    def _next_country(self) -> Country:
        """Walk on, mostly to a country near the last one, but to none met just now."""
        candidates: tuple[Country, ...] = ()
        if self.random.random() >= JUMP_SHARE:
            candidates = self._not_recent(self.related[self.recent[-1].bare_name])
        country = self.random.choice(candidates or self._not_recent(self.world.countries))
        self.recent.append(country)
        return country

    def _not_recent(self, countries: tuple[Country, ...]) -> tuple[Country, ...]:
        """The countries among these that the text did not just speak about."""
        return tuple(country for country in countries if country not in self.recent)

    def _related_countries(self, country: Country) -> tuple[Country, ...]:
        """The neighbours of a country and the other countries of its region."""
        return tuple(
            other
            for other in self.world.countries
            if other.bare_name in country.neighbours
            or (other.region == country.region and other is not country)
        )

    def _fill(self, patterns: tuple[str, ...], fields: dict[str, str]) -> str:
        """Fill one of the patterns."""
        return self.random.choice(patterns).format_map(fields)

    def _some(self, patterns: tuple[str, ...], fields: dict[str, str]) -> list[str]:
        """Fill one or two different patterns with the same fields."""
        chosen = self.random.sample(patterns, self.random.randint(1, 2))
        return [pattern.format_map(fields) for pattern in chosen]

    def _some_names(self, things: tuple[Country | Mountain | City, ...]) -> str:
        """The names of up to four of these things, in words and in table order."""
        count = min(len(things), self.random.randint(2, 4))
        chosen = sorted(self.random.sample(range(len(things)), count))
        return join_words([things[index].name for index in chosen])

    def _pair_fields(self, country: Country, other: Country) -> dict[str, str]:
        """Fields for a sentence about two countries."""
        return self.fields[country.bare_name] | {
            "other": other.name,
            "other_capital": other.capital,
            "other_continent": other.continent,
        }

    def _country_names(self, names: tuple[str, ...]) -> str:
        """Countries written out in words, each with its article."""
        return join_words([self.world.by_name[name].name for name in names])

    def _river_fields(self, river: River) -> dict[str, str]:
        """The template fields of a river."""
        return {
            "river": river.name,
            "continent": river.continent,
            "countries": self._country_names(river.countries),
            "mouth": with_article(river.mouth),
        }

    def _mountain_fields(self, mountain: Mountain) -> dict[str, str]:
        """The template fields of a mountain."""
        return {
            "mountain": mountain.name,
            "range": mountain.range,
            "countries": self._country_names(mountain.countries),
        }

    def _group_by_language(self) -> dict[str, tuple[Country, ...]]:
        """Countries by language, for languages of at least two countries."""
        speakers: dict[str, list[Country]] = {}
        for country in self.world.countries:
            for language in country.languages:
                speakers.setdefault(language, []).append(country)
        return {
            language: tuple(countries)
            for language, countries in speakers.items()
            if len(countries) > 1
        }


def held_out_fragments() -> tuple[str, ...]:
    """For each held-out phrasing, the fixed words that make it that phrasing."""
    fragments = []
    for pattern in templates.CAPITAL_HELD_OUT:
        pieces = pattern.removesuffix("{capital}.").split("{country}")
        fragments.append(max(pieces, key=len).strip(" ,.?"))
    return tuple(fragments)


def check_held_out(text: str) -> None:
    """Refuse training text that contains a held-out phrasing."""
    for fragment in held_out_fragments():
        if fragment in text:
            raise ValueError(f"training text contains the held-out phrasing {fragment!r}")


def main() -> None:
    """Print some documents, one per line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    documents = Generator(load_world(), arguments.seed).documents()
    for _ in range(arguments.documents):
        print(next(documents))


if __name__ == "__main__":
    main()
