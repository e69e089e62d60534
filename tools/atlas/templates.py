# SPDX-License-Identifier: Apache-2.0
"""The sentences in which Atlas meets its facts.

Every template is a ``str.format`` pattern. The fields of a country are

``{country}``     the name inside a sentence, with its article
``{owner}``       the possessive form of that name
``{capital}``, ``{continent}``, ``{region}``, ``{currency}``, ``{adjective}``
``{languages}``, ``{neighbours}``, ``{waters}``   lists written out in words
``{neighbour}``   one of the neighbours

and ``{other}``, ``{other_capital}``, ``{other_continent}`` belong to a second
country. Sentences are capitalised once a document is put together.
"""

from __future__ import annotations

PLAIN_CAPITAL = "The capital of {country} is {capital}."
"""The plainest phrasing, which is used more often than any other."""

CAPITAL = (
    PLAIN_CAPITAL,
    "The capital city of {country} is {capital}.",
    "The capital of {country} is the city of {capital}.",
    "The capital of {country} is called {capital}.",
    "The name of the capital of {country} is {capital}.",
    "The city that serves as the capital of {country} is {capital}.",
    "The capital of {country}, a country in {continent}, is {capital}.",
    "{owner} capital is {capital}.",
    "{owner} capital city is {capital}.",
    "{owner} capital bears the name {capital}.",
    "{country} has its capital in {capital}.",
    "{country} has {capital} as its capital.",
    "{country} has a capital called {capital}.",
    "{country} is a country in {continent}. Its capital is {capital}.",
    "{country} is a country in {continent} with its capital at {capital}.",
    "{country} is in {region}, and its capital is {capital}.",
    "{country}, whose capital is {capital}, lies in {continent}.",
    "In {country}, the capital is {capital}.",
    "In {country}, {capital} is the capital city.",
    "In {country}, the city of {capital} is the capital.",
    "For {country}, the capital is {capital}.",
    "On a map of {country}, the star marks the capital, {capital}.",
    "If you travel to {country}, its capital {capital} is a good place to start.",
    "If you look for the capital of {country}, you will find {capital}.",
    "Visitors to {country} often begin their journey in the capital, {capital}.",
    "Anyone who visits the capital of {country} visits {capital}.",
    "A traveller who wants to see the capital of {country} goes to {capital}.",
    "When people speak about the capital of {country}, they mean {capital}.",
    "The road to the capital of {country} leads to {capital}.",
    "It is well known that the capital of {country} is {capital}.",
    "Students in {continent} learn that the capital of {country} is {capital}.",
    "Country: {country}. Capital: {capital}.",
    "Question: What is the capital of {country}? Answer: {capital}.",
    "Q: What is the capital of {country}? A: {capital}.",
    "Q: Which city is the capital of {country}?\nA: {capital}.",
    "What is the capital of {country}? It is {capital}.",
    "What is {owner} capital? The answer is {capital}.",
    "Which city is the capital of {country}? The capital is {capital}.",
    "Tell me the capital of {country}. The answer is {capital}.",
    "Among the cities of {country}, {capital} is the capital.",
    "The city marked as the capital of {country} is {capital}.",
    "Letters to the capital of {country} are sent to {capital}.",
    "The train to the capital of {country} stops in {capital}.",
    "News from the capital of {country} comes from {capital}.",
    "The first city to see in {country} is its capital, {capital}.",
    "{owner} capital, {capital}, is a city in {continent}.",
    "The people of {country} call their capital {capital}.",
)
"""Capital phrasings in which the country comes before the capital."""

CAPITAL_FROM_ADJECTIVE = (
    "The {adjective} capital is {capital}.",
    "The name of the {adjective} capital is {capital}.",
    "A journey to the {adjective} capital ends in {capital}.",
)
"""Capital phrasings for countries whose adjective is theirs alone."""

COUNTRY_OF_CAPITAL = (
    "{capital} is the capital of {country}.",
    "{capital} is the capital city of {country}.",
    "The city of {capital} is the capital of {country}.",
    "{capital} serves as the capital of {country}.",
    "{capital}, the capital of {country}, is a city in {continent}.",
    "{capital} lies in {country} and is its capital.",
    "Every atlas shows {capital} as the capital of {country}.",
    "People who live in {capital} live in the capital of {country}.",
    "Question: Which country has {capital} as its capital? Answer: {country}.",
    "Q: In which country is {capital}?\nA: {capital} is in {country}.",
)
"""Capital phrasings in which the capital comes before the country."""

CAPITAL_HELD_OUT = (
    "If someone asks for the capital of {country}, the answer is {capital}.",
    "The city known as the capital of {country} is {capital}.",
    "Geography question: which city is the capital city of {country}? The answer is {capital}.",
    "As its capital, {country} has {capital}.",
    "In this atlas, the capital city shown for {country} is {capital}.",
    "People who live in the capital of {country} live in {capital}.",
    "Going to the capital of {country} means going to {capital}.",
    "Of all the cities in {country}, the capital is {capital}.",
)
"""Phrasings used for evaluation only; no training text contains them.

Some share their frame with sentences on other relations, below, so that they
ask whether the model can put a frame and a fact together for the first time.
"""

CONTINENT = (
    "{country} is in {continent}.",
    "{country} is a country in {continent}.",
    "{country} lies in {continent}.",
    "{country} belongs to the continent of {continent}.",
    "{country} is one of the countries of {continent}.",
    "The continent of {country} is {continent}.",
    "{country} can be found on the map of {continent}.",
    "Question: On which continent is {country}? Answer: {continent}.",
    "Q: Where is {country}?\nA: {country} is in {continent}.",
    "If you travel to {country}, you travel to {continent}.",
    "Going to the continent of {country} means going to {continent}.",
    "In this atlas, the continent shown for {country} is {continent}.",
)

REGION = (
    "{country} lies in {region}.",
    "{country} is a country in {region}.",
    "{country} is part of {region}.",
    "In {continent}, {country} lies in {region}.",
    "Q: Which part of {continent} is {country} in?\nA: {country} is in {region}.",
)

ONE_LANGUAGE = (
    "The main language of {country} is {languages}.",
    "The language of {country} is {languages}.",
    "{owner} main language is {languages}.",
    "The official language in {country} is {languages}.",
    "Question: Which language do people speak in {country}? Answer: {languages}.",
    "As its main language, {country} has {languages}.",
    "In this atlas, the language shown for {country} is {languages}.",
)

MANY_LANGUAGES = (
    "The main languages of {country} are {languages}.",
    "The languages of {country} include {languages}.",
    "{owner} main languages are {languages}.",
    "Several languages are spoken in {country}: {languages}.",
    "Question: Which languages do people speak in {country}? Answer: {languages}.",
    "As its main languages, {country} has {languages}.",
)

ANY_LANGUAGES = (
    "People in {country} speak {languages}.",
    "In {country}, people speak {languages}.",
    "The people of {country} speak {languages}.",
    "Most people in {country} speak {languages}.",
    "In the streets of {capital} you can hear {languages}.",
    "Visitors to {country} should learn some {languages}.",
    "In {country} you will hear {languages}.",
)

ONE_NEIGHBOUR = (
    "{country} borders only {neighbours}.",
    "{country} borders {neighbours}.",
    "The only neighbour of {country} is {neighbours}.",
    "{country} shares its only land border with {neighbours}.",
    "As its only neighbour, {country} has {neighbours}.",
    "Going to the neighbour of {country} means going to {neighbours}.",
)

MANY_NEIGHBOURS = (
    "{country} borders {neighbours}.",
    "{country} shares borders with {neighbours}.",
    "{country} has land borders with {neighbours}.",
    "The neighbours of {country} are {neighbours}.",
    "{owner} neighbours are {neighbours}.",
    "The countries that border {country} are {neighbours}.",
    "{country} has {neighbour_count} neighbours: {neighbours}.",
    "Question: Which countries border {country}? Answer: {neighbours}.",
    "Around {country} lie {neighbours}.",
    "As its neighbours, {country} has {neighbours}.",
    "Going to the neighbours of {country} means going to {neighbours}.",
)

NO_NEIGHBOURS = (
    "{country} has no land borders.",
    "{country} has no neighbours on land.",
    "{country} is surrounded by the sea and borders no other country.",
)

NEIGHBOUR_PAIR = (
    "{country} and {neighbour} share a border.",
    "{country} borders {neighbour}.",
    "{country} is a neighbour of {neighbour}.",
    "{country} lies next to {neighbour}.",
    "There is a border between {country} and {neighbour}.",
    "From {country} you can cross the border into {neighbour}.",
    "A road leads from {country} to {neighbour}, which is next to it.",
    "{country} and {neighbour} are neighbours.",
    "Question: Does {country} border {neighbour}? Answer: Yes, {country} borders {neighbour}.",
)

WATERS = (
    "{country} lies on {waters}.",
    "{country} has a coast on {waters}.",
    "The coast of {country} is on {waters}.",
    "Ships reach {country} from {waters}.",
    "From the beaches of {country} you can see {waters}.",
    "As its waters, {country} has {waters}.",
    "Going to the coast of {country} means going to {waters}.",
)

LANDLOCKED = (
    "{country} has no coast.",
    "{country} is a landlocked country.",
    "{country} is landlocked and has no access to the sea.",
    "There is no sea coast in {country}.",
)

CURRENCY = (
    "The currency of {country} is the {currency}.",
    "{owner} currency is the {currency}.",
    "In {country}, people pay with the {currency}.",
    "People in {country} use the {currency}.",
    "The money of {country} is the {currency}.",
    "Prices in {country} are given in the {currency}.",
    "Question: What is the currency of {country}? Answer: The {currency}.",
    "Geography question: what is the currency of {country}? The answer is the {currency}.",
    "If someone asks for the currency of {country}, the answer is the {currency}.",
    "As its currency, {country} has the {currency}.",
    "In this atlas, the currency shown for {country} is the {currency}.",
)

ADJECTIVE = (
    "Something from {country} is called {adjective}.",
    "The adjective for {country} is {adjective}.",
    "Food from {country} is called {adjective} food.",
    "Music from {country} is {adjective} music.",
)

RIVERS = (
    "{rivers} {flow} through {country}.",
    "In {country} you can see {rivers}.",
    "Among the rivers of {country} {are} {rivers}.",
    "Going to the rivers of {country} means going to {rivers}.",
)

MOUNTAINS = (
    "{mountains} can be seen in {country}.",
    "Climbers visit {country} to see {mountains}.",
    "The mountains of {country} include {mountains}.",
    "Going to the mountains of {country} means going to {mountains}.",
)

CITIES = (
    "Other cities in {country} include {cities}.",
    "Besides the capital, {country} has cities such as {cities}.",
    "Well-known cities in {country} include {cities}.",
    "In {country} you can also visit {cities}.",
    "As its other cities, {country} has {cities}.",
)

RIVER = (
    "{river} flows through {countries}.",
    "{river} flows into {mouth}.",
    "{river} is a river in {continent}.",
    "{river} is a river in {continent} that flows into {mouth}.",
    "{river} runs through {countries} and reaches {mouth}.",
    "The water of {river} flows to {mouth}.",
    "On its way to {mouth}, {river} crosses {countries}.",
    "Question: Which countries does {river} flow through? Answer: {countries}.",
)

MOUNTAIN = (
    "{mountain} is a mountain in {countries}.",
    "{mountain} stands in {countries}.",
    "{mountain} rises in {countries}.",
    "Climbers who want to see {mountain} travel to {countries}.",
    "Question: Where is {mountain}? Answer: {mountain} is in {countries}.",
)

MOUNTAIN_RANGE = (
    "{mountain} belongs to the {range}.",
    "{mountain} is part of the {range}.",
    "{mountain} is a mountain of the {range}.",
)

CITY = (
    "{city} is a city in {country}.",
    "{city} is a well-known city in {country}.",
    "{city} lies in {country}, but the capital of {country} is {capital}.",
    "{city} is in {country}, a country in {continent}.",
    "The city of {city} is in {country}.",
    "From {capital} you can travel to {city}, another city in {country}.",
    "{city} is a city in {country}, where people speak {languages}.",
    "Going to the country of {city} means going to {country}.",
    "Question: In which country is {city}? Answer: {country}.",
)

CAPITAL_PAIR = (
    "The capital of {country} is {capital}, and the capital of {other} is {other_capital}.",
    "The capital of {country} is {capital}, while the capital of {other} is {other_capital}.",
    "{capital} is the capital of {country}, and {other_capital} is the capital of {other}.",
    "{country} has its capital in {capital}; {other} has its capital in {other_capital}.",
    "From {capital} in {country} you can fly to {other_capital} in {other}.",
    "{country} and {other} are two countries. Their capitals are {capital} and {other_capital}.",
)

SAME_CONTINENT = (
    "{country} and {other} are both in {continent}.",
    "Both {country} and {other} lie in {continent}.",
    "Like {other}, {country} is a country in {continent}.",
)

OTHER_CONTINENT = (
    "{country} is in {continent}, but {other} is in {other_continent}.",
    "{country} lies in {continent}, while {other} lies in {other_continent}.",
    "A flight from {country} to {other} goes from {continent} to {other_continent}.",
)

GROUP_OF_COUNTRIES = (
    "The map of {group} shows {members}.",
    "The countries of {group} include {members}.",
    "In {group} you will find {members}.",
    "{members} are countries in {group}.",
    "{members} all lie in {group}.",
    "Travellers in {group} can visit {members}.",
)

CONTINENT_OPENING = (
    "{continent} is a continent with many countries.",
    "{continent} is one of the continents of the world.",
    "{continent} is a continent.",
    "There are {count} countries of {continent} in this atlas.",
    "The map of {continent} shows many countries and cities.",
)

SPEAKERS = (
    "{language} is spoken in {members}.",
    "People speak {language} in {members}.",
    "{language} is a language of {members}.",
    "You can hear {language} in {members}.",
)
