"""Cities that are no capitals, by country, with populations and heights that people ask for."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CITIES", "HEIGHTS", "PEOPLE", "POPULATIONS"]

_CITIES = {
    "Argentina": "Córdoba,Rosario,Mendoza",
    "Australia": "Sydney,Melbourne,Brisbane,Perth,Adelaide",
    "Austria": "Salzburg,Graz,Linz,Innsbruck",
    "Belgium": "Antwerp,Ghent,Bruges,Liège",
    "Brazil": "São Paulo,Sao Paulo,Rio de Janeiro,Salvador,Recife",
    "Canada": "Toronto,Montreal,Vancouver,Calgary,Quebec City",
    "China": "Shanghai,Shenzhen,Guangzhou,Chengdu,Wuhan",
    "Denmark": "Aarhus,Odense",
    "Egypt": "Alexandria,Giza,Luxor",
    "Finland": "Tampere,Turku,Espoo",
    "France": "Lyon,Marseille,Nice,Toulouse,Bordeaux,Lille,Strasbourg,Nantes",
    "Germany": "Munich,Hamburg,Cologne,Frankfurt,Stuttgart,Leipzig,Dresden,Bonn",
    "Greece": "Thessaloniki,Patras,Heraklion",
    "India": "Mumbai,Bangalore,Bengaluru,Kolkata,Chennai,Hyderabad,Delhi,Pune",
    "Ireland": "Cork,Galway,Limerick",
    "Italy": "Milan,Venice,Florence,Naples,Turin,Bologna,Palermo",
    "Japan": "Osaka,Kyoto,Nagoya,Sapporo,Hiroshima,Yokohama",
    "Kenya": "Mombasa,Kisumu",
    "Mexico": "Guadalajara,Monterrey,Puebla,Cancún,Tijuana",
    "Morocco": "Casablanca,Marrakesh,Fez,Tangier",
    "Netherlands": "Rotterdam,The Hague,Utrecht,Eindhoven",
    "New Zealand": "Auckland,Christchurch",
    "Nigeria": "Lagos,Kano,Ibadan",
    "Norway": "Bergen,Trondheim,Stavanger",
    "Pakistan": "Karachi,Lahore",
    "Peru": "Cusco,Arequipa",
    "Poland": "Kraków,Krakow,Gdańsk,Gdansk,Wrocław,Wroclaw,Poznań,Poznan",
    "Portugal": "Porto,Coimbra,Braga,Faro",
    "Russia": "Saint Petersburg,Novosibirsk",
    "South Africa": "Cape Town,Johannesburg,Durban",
    "South Korea": "Busan,Incheon",
    "Spain": "Barcelona,Seville,Valencia,Bilbao,Granada,Málaga,Malaga",
    "Sweden": "Gothenburg,Malmö,Malmo,Uppsala",
    "Switzerland": "Zurich,Zürich,Geneva,Basel,Lausanne",
    "Turkey": "Istanbul,Izmir,Antalya",
    "Ukraine": "Lviv,Odesa,Kharkiv",
    "United Kingdom": "Manchester,Birmingham,Liverpool,Edinburgh,Glasgow,Cardiff,Oxford,Cambridge,Bristol,Leeds",
    "United States": "New York,Los Angeles,Chicago,San Francisco,Boston,Seattle,Miami,Houston,Denver",
    "Vietnam": "Ho Chi Minh City,Da Nang",
}
CITIES: Mapping[str, str] = {city: country for country, cities in _CITIES.items() for city in cities.split(",")}
"""City -> country."""

POPULATIONS: Mapping[str, str] = {
    "China": "1.41 billion",
    "India": "1.43 billion",
    "United States": "335 million",
    "Brazil": "210 million",
    "Japan": "124 million",
    "Germany": "84 million",
    "France": "68 million",
    "United Kingdom": "68 million",
    "Italy": "59 million",
    "Spain": "48 million",
    "Canada": "40 million",
    "Poland": "37 million",
    "Australia": "27 million",
    "Netherlands": "18 million",
    "Portugal": "10.5 million",
    "Sweden": "10.5 million",
    "Switzerland": "9 million",
    "Norway": "5.5 million",
    "Ireland": "5.3 million",
}
"""Country -> inhabitants about 2023, rounded."""

HEIGHTS: Mapping[str, tuple[str, str]] = {
    "mount everest|everest": ("8,849 m", "It stands on the border of Nepal and China."),
    "k2": ("8,611 m", "It is the second highest mountain."),
    "kilimanjaro": ("5,895 m", "It is the highest mountain of Africa."),
    "mont blanc": ("about 4,806 m", "Its cap of ice changes the figure by a metre or two."),
    "eiffel tower": ("330 m", "The antennas included."),
    "burj khalifa": ("828 m", "It has been the tallest building since 2010."),
    "empire state building": ("443 m", "To the tip; the roof is at 381 m."),
}
"""Pattern of a mountain or building -> height and a remark."""

PEOPLE: Mapping[str, tuple[str, str]] = {
    "Albert Einstein": (
        "a physicist (1879-1955) who gave us the theories of relativity",
        "He had the Nobel Prize of 1921 for explaining the photoelectric effect.",
    ),
    "Marie Curie": (
        "a physicist and chemist (1867-1934) who found polonium and radium",
        "She is the only person with Nobel Prizes in two sciences.",
    ),
    "Isaac Newton": (
        "an English physicist and mathematician (1643-1727) who stated the laws of motion and of gravitation",
        "Much of it was done while Cambridge was closed for the plague.",
    ),
    "Ada Lovelace": (
        "an English mathematician (1815-1852) who wrote what is often called the first program",
        "It worked out Bernoulli numbers on Babbage's engine, which was never finished.",
    ),
    "Alan Turing": (
        "an English mathematician (1912-1954) who laid down what a computer can compute",
        "In the war he helped to break the Enigma cipher.",
    ),
    "Charles Darwin": (
        "an English naturalist (1809-1882) who explained evolution by natural selection",
        "“On the Origin of Species” appeared in 1859.",
    ),
    "Leonardo da Vinci": (
        "an Italian painter and inventor (1452-1519), known for the Mona Lisa and for his notebooks",
        "He wrote them from right to left.",
    ),
    "Wolfgang Amadeus Mozart|Mozart": (
        "a composer from Salzburg (1756-1791) who wrote more than six hundred works",
        "The Magic Flute dates from the year of his death.",
    ),
    "Grace Hopper": (
        "an American computer scientist (1906-1992) who built one of the first compilers",
        "She also made “bug” and “debugging” popular.",
    ),
    "Nelson Mandela": (
        "the first president of South Africa elected by all its people (1918-2013)",
        "Before that he spent 27 years in prison.",
    ),
    "William Shakespeare|Shakespeare": (
        "an English playwright and poet (1564-1616)",
        "He left some 39 plays and 154 sonnets.",
    ),
    "Florence Nightingale": (
        "an English nurse and statistician (1820-1910) who reformed hospitals",
        "She argued with diagrams, a novelty at the time.",
    ),
}
"""Who -> what they were, and a remark."""
