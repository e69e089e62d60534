# SPDX-License-Identifier: Apache-2.0
"""Prompts with known answers, and the share of them a model gets right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import templates
from facts import Country, World
from generate import country_fields, write_document
from inference import LanguageModel

ANSWER_TOKENS = 8
"""Enough tokens for the longest answer and the character after it."""


@dataclass(frozen=True)
class Question:
    """A prompt and the texts that count as a correct continuation."""

    prompt: str
    answers: tuple[str, ...]

    def accepts(self, continuation: str) -> bool:
        """Whether the continuation begins with an answer, as whole words."""
        for answer in self.answers:
            expected = " " + answer
            following = continuation[len(expected) : len(expected) + 1]
            if continuation.startswith(expected) and not following.isalpha():
                return True
        return False


def accuracy(language_model: LanguageModel, questions: list[Question]) -> float:
    """The share of questions that greedy decoding answers correctly."""
    prompts = [question.prompt for question in questions]
    continuations = language_model.continue_texts(prompts, ANSWER_TOKENS)
    correct = sum(map(Question.accepts, questions, continuations))
    return correct / len(questions)


def ask(pattern: str, field: str, fields: dict[str, str], answers: Iterable[str]) -> Question:
    """Cut a sentence pattern off before a field, and ask for that field."""
    beginning = pattern.split("{" + field + "}")[0].rstrip()
    return Question(write_document([beginning.format_map(fields)]), tuple(answers))


def seen_capital_patterns() -> tuple[str, ...]:
    """The training phrasings whose beginning names the capital as what comes next."""
    patterns = templates.CAPITAL + templates.CAPITAL_FROM_ADJECTIVE
    return tuple(
        pattern for pattern in patterns if "capital" in pattern.split("{capital}")[0].lower()
    )


def ask_capitals(world: World, pattern: str) -> list[Question]:
    """Ask for the capital of every country in one phrasing.

    A phrasing with an adjective leaves out the countries that share theirs.
    """
    return [
        ask(pattern, "capital", country_fields(world, country), [country.capital])
        for country in world.countries
        if "{adjective}" not in pattern or country.adjective in world.unique_adjectives
    ]


def ask_neighbours(world: World, pattern: str) -> list[Question]:
    """Ask every country with neighbours for any of them."""
    return [
        ask(
            pattern,
            "neighbours",
            country_fields(world, country),
            [world.by_name[name].name for name in country.neighbours],
        )
        for country in world.countries
        if country.neighbours
    ]


def ask_countries(world: World, pattern: str, field: str) -> list[Question]:
    """Ask every country for one of its plain facts."""

    def answers(country: Country) -> tuple[str, ...]:
        value = getattr(country, field)
        return value if isinstance(value, tuple) else (value,)

    return [
        ask(pattern, field, country_fields(world, country), answers(country))
        for country in world.countries
    ]


def ask_other_relations(world: World) -> dict[str, list[Question]]:
    """Questions on everything but capitals, by relation."""
    questions = {
        "continent": [
            *ask_countries(world, "The continent of {country} is {continent}.", "continent"),
            *ask_countries(
                world, "{country} belongs to the continent of {continent}.", "continent"
            ),
        ],
        "region": ask_countries(world, "{country} is part of {region}.", "region"),
        "language": [
            *ask_countries(world, "People in {country} speak {languages}.", "languages"),
            *ask_countries(world, "In {country}, people speak {languages}.", "languages"),
        ],
        "currency": [
            *ask_countries(world, "The currency of {country} is the {currency}.", "currency"),
            *ask_countries(world, "In {country}, people pay with the {currency}.", "currency"),
        ],
        "neighbour": [
            *ask_neighbours(world, "{country} borders {neighbours}."),
            *ask_neighbours(world, "{country} shares borders with {neighbours}."),
        ],
    }
    questions["country of a capital"] = [
        ask(
            "{capital} is the capital of {country}.",
            "country",
            country_fields(world, country),
            [country.name],
        )
        for country in world.countries
    ]
    questions["country of a city"] = [
        ask(
            "{city} is a city in {country}.",
            "country",
            {"city": city.name},
            [world.by_name[city.country].name],
        )
        for city in world.cities
    ]
    questions["country of a river"] = [
        ask(
            "{river} flows through {countries}.",
            "countries",
            {"river": river.name},
            [world.by_name[name].name for name in river.countries],
        )
        for river in world.rivers
    ]
    return questions
