"""The facts that the simulated models know, as tables."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["AUTHORS", "CAPITALS", "EVENTS", "OTHER", "PLANETS", "RECENT", "SYMBOLS"]

_CAPITALS = """Afghanistan:Kabul|Albania:Tirana|Algeria:Algiers|Angola:Luanda|Argentina:Buenos Aires|Armenia:Yerevan|
Azerbaijan:Baku|Bangladesh:Dhaka|Belarus:Minsk|Bosnia and Herzegovina:Sarajevo|Botswana:Gaborone|
Cambodia:Phnom Penh|Cameroon:Yaoundé|Costa Rica:San José|Cyprus:Nicosia|Dominican Republic:Santo Domingo|
Ecuador:Quito|El Salvador:San Salvador|Georgia:Tbilisi|Guatemala:Guatemala City|Honduras:Tegucigalpa|
Jordan:Amman|Laos:Vientiane|Lebanon:Beirut|Libya:Tripoli|Madagascar:Antananarivo|Malta:Valletta|
Moldova:Chișinău|Mozambique:Maputo|Myanmar:Naypyidaw|Namibia:Windhoek|Nicaragua:Managua|North Korea:Pyongyang|
Oman:Muscat|Panama:Panama City|Paraguay:Asunción|Qatar:Doha|Rwanda:Kigali|Scotland:Edinburgh|
Somalia:Mogadishu|Sri Lanka:Sri Jayawardenepura Kotte|Sudan:Khartoum|Syria:Damascus|Taiwan:Taipei|
Tanzania:Dodoma|Uganda:Kampala|United Arab Emirates:Abu Dhabi|Uzbekistan:Tashkent|Wales:Cardiff|Yemen:Sanaa|
Zambia:Lusaka|Zimbabwe:Harare|Austria:Vienna|Belgium:Brussels|Bulgaria:Sofia|Chile:Santiago|China:Beijing|
Colombia:Bogotá|Croatia:Zagreb|Cuba:Havana|Denmark:Copenhagen|Egypt:Cairo|Estonia:Tallinn|
Ethiopia:Addis Ababa|Finland:Helsinki|Ghana:Accra|Greece:Athens|Hungary:Budapest|Iceland:Reykjavik|
Indonesia:Jakarta|Iran:Tehran|Iraq:Baghdad|Ireland:Dublin|Italy:Rome|Jamaica:Kingston|Kenya:Nairobi|
Latvia:Riga|Lithuania:Vilnius|Luxembourg:Luxembourg|Malaysia:Kuala Lumpur|Mexico:Mexico City|
Mongolia:Ulaanbaatar|Morocco:Rabat|Nepal:Kathmandu|Norway:Oslo|Pakistan:Islamabad|Peru:Lima|
Philippines:Manila|Poland:Warsaw|Portugal:Lisbon|Romania:Bucharest|Russia:Moscow|Saudi Arabia:Riyadh|
Senegal:Dakar|Serbia:Belgrade|Singapore:Singapore|Slovakia:Bratislava|Slovenia:Ljubljana|South Korea:Seoul|
Spain:Madrid|Sweden:Stockholm|Thailand:Bangkok|Tunisia:Tunis|Ukraine:Kyiv|Uruguay:Montevideo|
Venezuela:Caracas|Vietnam:Hanoi"""

CAPITALS: Mapping[str, tuple[str, str]] = {
    "France": ("Paris", "It lies on the Seine and has been the seat of government for most of the country's history."),
    "Germany": (
        "Berlin",
        "It became so again with reunification in 1990; before that, West Germany was governed from Bonn.",
    ),
    "Japan": ("Tokyo", "Until 1868 it was called Edo, and the emperor lived in Kyoto."),
    "Australia": ("Canberra", "It was founded as a compromise between Sydney and Melbourne."),
    "Canada": ("Ottawa", "Many take it for Toronto, which is the largest city."),
    "Brazil": ("Brasília", "It was built from nothing and took over from Rio de Janeiro in 1960."),
    "Turkey": ("Ankara", "Istanbul is larger, but Ankara has been the capital since 1923."),
    "Switzerland": ("Bern", "Strictly speaking it is the “federal city”; the law names no capital."),
    "New Zealand": ("Wellington", "Auckland is larger."),
    "India": ("New Delhi", "It was planned under British rule and opened in 1931."),
    "United States": ("Washington, D.C.", "It belongs to none of the states."),
    "United Kingdom": ("London", "It is also the capital of England."),
    "Netherlands": ("Amsterdam", "The government sits in The Hague all the same."),
    "South Africa": (
        "Pretoria",
        "Cape Town and Bloemfontein share the honour: parliament and the highest court sit there.",
    ),
    "Nigeria": ("Abuja", "It followed Lagos in 1991."),
    "Czech Republic": ("Prague", "It lies on the Vltava."),
    "Bolivia": ("Sucre", "The government sits in La Paz."),
    "Israel": ("Jerusalem", "Most countries keep their embassies in Tel Aviv."),
    "Kazakhstan": ("Astana", "Until 1997 it was Almaty."),
    **{pair.split(":")[0].strip(): (pair.split(":")[1].strip(), "") for pair in _CAPITALS.replace("\n", "").split("|")},
}

SYMBOLS: Mapping[str, tuple[str, int]] = {
    "hydrogen": ("H", 1),
    "helium": ("He", 2),
    "lithium": ("Li", 3),
    "boron": ("B", 5),
    "carbon": ("C", 6),
    "nitrogen": ("N", 7),
    "oxygen": ("O", 8),
    "fluorine": ("F", 9),
    "neon": ("Ne", 10),
    "sodium": ("Na", 11),
    "magnesium": ("Mg", 12),
    "aluminium": ("Al", 13),
    "aluminum": ("Al", 13),
    "silicon": ("Si", 14),
    "phosphorus": ("P", 15),
    "sulfur": ("S", 16),
    "chlorine": ("Cl", 17),
    "argon": ("Ar", 18),
    "potassium": ("K", 19),
    "calcium": ("Ca", 20),
    "titanium": ("Ti", 22),
    "iron": ("Fe", 26),
    "nickel": ("Ni", 28),
    "copper": ("Cu", 29),
    "zinc": ("Zn", 30),
    "silver": ("Ag", 47),
    "tin": ("Sn", 50),
    "iodine": ("I", 53),
    "tungsten": ("W", 74),
    "platinum": ("Pt", 78),
    "gold": ("Au", 79),
    "mercury": ("Hg", 80),
    "lead": ("Pb", 82),
    "uranium": ("U", 92),
}
"""Element -> symbol and atomic number."""

PLANETS: Mapping[str, tuple[int, int, int, str]] = {
    "Mercury": (4879, 58, 0, "It has hardly any air, and its year lasts 88 days."),
    "Venus": (12104, 108, 0, "It turns backwards, and its day is longer than its year."),
    "Earth": (12742, 150, 1, "It is the only place known to carry life."),
    "Mars": (6779, 228, 2, "Its moons are Phobos and Deimos, and its year lasts 687 days."),
    "Jupiter": (139820, 778, 95, "It has more mass than all the other planets together."),
    "Saturn": (116460, 1434, 146, "Its rings are made mostly of ice."),
    "Uranus": (50724, 2871, 28, "It rolls around the Sun on its side."),
    "Neptune": (49244, 4495, 16, "It was found in 1846 by calculation before it was seen."),
}
"""Planet -> diameter in km, distance from the Sun in million km, moons, and a remark."""

EVENTS: Mapping[str, tuple[str, str, str]] = {
    r"moon landing|land(?:ed)? on the moon|walk(?:ed)? on the moon|apollo 11": (
        "1969",
        "People first landed on the Moon in 1969.",
        "Neil Armstrong and Buzz Aldrin stepped out of Apollo 11 on 20 July.",
    ),
    r"(?:world war (?:ii|2|two)|second world war|ww2|wwii).*\b(?:end|over)|end of (?:world war (?:ii|2|two)|ww2)": (
        "1945",
        "The Second World War ended in 1945.",
        "In Europe it was over on 8 May, in the Pacific on 2 September.",
    ),
    r"world war (?:ii|2|two)|second world war|ww2|wwii": (
        "1939",
        "The Second World War began in 1939.",
        "It started with the attack on Poland on 1 September and ended in 1945.",
    ),
    r"(?:world war (?:i|1|one)|first world war|ww1)\b": (
        "1914",
        "The First World War began in 1914.",
        "It lasted until November 1918.",
    ),
    r"berlin wall.*built|build the berlin wall": ("1961", "The Berlin Wall was built in 1961.", "It stood until 1989."),
    r"berlin wall": ("1989", "The Berlin Wall fell in 1989.", "It was opened on the evening of 9 November."),
    r"french revolution": ("1789", "The French Revolution began in 1789.", "The Bastille was stormed on 14 July."),
    r"declaration of independence|american independence|united states (?:founded|independen)": (
        "1776",
        "The American Declaration of Independence dates from 1776.",
        "It was adopted on 4 July in Philadelphia.",
    ),
    r"columbus|discover\w* (?:of )?america": (
        "1492",
        "Columbus reached the Americas in 1492.",
        "People had lived there for many thousand years by then.",
    ),
    r"titanic": ("1912", "The Titanic sank in 1912.", "She struck an iceberg in the night to 15 April."),
    r"printing press|gutenberg": ("1450", "Gutenberg's press was at work by about 1450.", "It stood in Mainz."),
    r"world wide web|\bthe web\b": ("1989", "Tim Berners-Lee proposed the web in 1989.", "He was at CERN then."),
    r"python (?:first )?(?:released|appear|created|come out|published)|python's first": (
        "1991",
        "Python was first released in 1991.",
        "Guido van Rossum had begun it over Christmas 1989.",
    ),
    r"euro (?:notes|coins|introduced|currency)|introduction of the euro": (
        "2002",
        "Euro notes and coins came into use in 2002.",
        "On paper the currency had existed since 1999.",
    ),
    r"fire of london": ("1666", "The Great Fire of London was in 1666.", "It burned for four days."),
    r"magna carta": ("1215", "The Magna Carta was sealed in 1215.", "King John did so at Runnymede."),
    r"constantinople": ("1453", "Constantinople fell in 1453.", "That ended the Byzantine Empire."),
    r"iphone": ("2007", "The first iPhone was sold in 2007.", "Steve Jobs had shown it in January."),
}
"""Pattern -> year, sentence, remark."""

AUTHORS: Mapping[str, tuple[str, str, str]] = {
    "(?:romeo and juliet|hamlet|macbeth|othello|king lear)": (
        "William Shakespeare",
        "wrote it",
        "He worked in London around 1600.",
    ),
    "(?:1984|nineteen eighty-four|animal farm)": ("George Orwell", "wrote it", "His real name was Eric Blair."),
    "pride and prejudice": ("Jane Austen", "wrote it", "It appeared in 1813, at first without her name."),
    "frankenstein": ("Mary Shelley", "wrote it", "She was eighteen when she began it."),
    "don quixote": ("Miguel de Cervantes", "wrote it", "Its two parts appeared in 1605 and 1615."),
    "moby[- ]dick": ("Herman Melville", "wrote it", "It appeared in 1851 and sold poorly."),
    "war and peace": ("Leo Tolstoy", "wrote it", "It was finished in 1869."),
    "(?:odyssey|iliad)": ("Homer", "is said to have composed it", "Whether there was one such poet is disputed."),
    "faust": ("Johann Wolfgang von Goethe", "wrote it", "He worked on it for some sixty years."),
    "mona lisa": ("Leonardo da Vinci", "painted it", "It hangs in the Louvre in Paris."),
    "starry night": ("Vincent van Gogh", "painted it", "It dates from 1889."),
    "guernica": ("Pablo Picasso", "painted it", "It answers the bombing of the town in 1937."),
    "sistine chapel": ("Michelangelo", "painted its ceiling", "He needed four years, from 1508 to 1512."),
    "(?:ninth symphony|fifth symphony|moonlight sonata)": ("Ludwig van Beethoven", "composed it", ""),
    "(?:four seasons)": ("Antonio Vivaldi", "composed it", "The concertos appeared in 1725."),
    "(?:magic flute|eine kleine nachtmusik)": ("Wolfgang Amadeus Mozart", "composed it", ""),
    "penicillin": ("Alexander Fleming", "discovered it", "A mould in a forgotten dish put him on the track in 1928."),
    "(?:theory of )?relativity": ("Albert Einstein", "developed it", "The special theory dates from 1905."),
    "(?:telephone)": ("Alexander Graham Bell", "had it patented", "The patent of 1876 was disputed from the start."),
    "(?:gravity|laws of motion)": ("Isaac Newton", "found its law", "His Principia appeared in 1687."),
    "(?:radium|polonium)": ("Marie Curie", "discovered it with her husband Pierre", "That was in 1898."),
    "(?:evolution|origin of species)": ("Charles Darwin", "explained it", "His book appeared in 1859."),
    "python": ("Guido van Rossum", "created the language", "He named it after Monty Python."),
    "linux": ("Linus Torvalds", "wrote its first kernel", "He announced it in 1991."),
    "(?:world wide web|the web)": ("Tim Berners-Lee", "invented it", "He did so at CERN in 1989."),
    "(?:first (?:computer )?program|first programmer)": (
        "Ada Lovelace",
        "wrote it",
        "It was meant for Babbage's engine and dates from 1843.",
    ),
    "(?:pandas)": ("Wes McKinney", "began the library", "That was in 2008."),
    "first (?:person|man|human) (?:on|to walk on) the moon": ("Neil Armstrong", "stepped out on 20 July 1969", ""),
    "first (?:person|man|human) in space": ("Yuri Gagarin", "flew on 12 April 1961", ""),
}
"""Pattern of a work or feat -> who, what they did, and a remark."""

RECENT: Mapping[str, tuple[str, str, str]] = {
    r"(?:who )?w[io]n.*world cup.*2022|2022.*world cup": (
        "**Argentina** won the football World Cup of 2022.",
        "Argentina",
        "They beat France on penalties in Qatar.",
    ),
    r"when.*chatgpt|chatgpt.*(?:released|launched|come out)": (
        "ChatGPT was opened to the public in **November 2022**.",
        "November 2022",
        "It reached a million users in days.",
    ),
    r"james webb": (
        "The James Webb telescope was launched on **25 December 2021**.",
        "25 December 2021",
        "Its first images came in 2022.",
    ),
    r"python 3\.12": (
        "Python 3.12 came out in **October 2023**.",
        "October 2023",
        "It made error messages kinder still.",
    ),
    r"olympics?.*2024|2024.*olympics?": ("The summer games of 2024 were held in **Paris**.", "Paris", ""),
    r"king of (?:england|the united kingdom|britain)|british (?:king|monarch)": (
        "**Charles III** is king; he followed his mother Elizabeth II in September 2022.",
        "Charles III",
        "",
    ),
}
"""What happened after the oldest model's knowledge ends."""

OTHER: Mapping[str, tuple[str, str, str]] = {
    r"how many days .*\bleap year": ("A leap year has **366** days.", "366", "The extra one is the 29th of February."),
    r"speed of light": (
        "Light travels at **299,792,458 m/s** in a vacuum.",
        "299,792,458 m/s",
        "The metre is defined by it.",
    ),
    r"speed of sound": (
        "Sound travels at about **343 m/s** in air at 20 °C.",
        "343 m/s",
        "In water it is four times as fast.",
    ),
    r"(?:tallest|highest) mountain": ("The highest mountain is **Mount Everest**, at 8,849 m.", "Mount Everest", ""),
    r"longest river": (
        "The **Nile** is usually given as the longest river, at about 6,650 km.",
        "Nile",
        "By some measures the Amazon is longer.",
    ),
    r"(?:largest|biggest) ocean": (
        "The **Pacific** is the largest ocean.",
        "Pacific",
        "It covers a third of the Earth.",
    ),
    r"(?:largest|biggest) country": (
        "**Russia** is the largest country by area.",
        "Russia",
        "It has eleven time zones.",
    ),
    r"smallest country": (
        "**Vatican City** is the smallest country.",
        "Vatican City",
        "It measures less than half a km².",
    ),
    r"(?:largest|biggest) (?:animal|mammal)": ("The **blue whale** is the largest animal.", "blue whale", ""),
    r"fastest (?:land )?animal": ("On land the **cheetah** is the fastest.", "cheetah", "It reaches some 100 km/h."),
    r"how many continents": ("Most count **7** continents.", "7", ""),
    r"how many (?:days|weeks) .*\byear\b": (
        "A common year has **365** days, a leap year 366.",
        "365",
        "That is 52 weeks and a day.",
    ),
    r"how many seconds .*\bday\b": ("A day has **86,400** seconds.", "86,400", "That is 24 × 60 × 60."),
    r"how many bones": ("An adult has **206** bones.", "206", "A newborn has some 270; many grow together."),
    r"boil\w* (?:point|temperature)?.*water|water boil": (
        "Water boils at **100 °C** at sea level.",
        "100 °C",
        "That is 212 °F.",
    ),
    r"value of pi\b|\bwhat is pi\b|digits of pi": (
        "Pi is about **3.14159265**.",
        "3.14159265",
        "Its digits never end or repeat.",
    ),
    r"meaning of life": ("**42**, according to Douglas Adams.", "42", "The question is the hard part."),
    r"(?:formula|chemical).*\bwater\b": ("Water is **H₂O**.", "H2O", "Two atoms of hydrogen and one of oxygen."),
    r"colou?r.*\bsky\b(?!.*why)(?<!why)": ("By day and without clouds it is **blue**.", "Blue", ""),
    r"\bis the (?:earth|world) (?:flat|round)": (
        "The Earth is **round**: a globe a little flattened at the poles.",
        "Round",
        "",
    ),
    r"is the sky blue": ("**Yes**, by day and without clouds the sky is blue.", "Yes", "Air scatters blue light most."),
    r"how many legs .*spider|legs of a spider": ("A spider has **8** legs.", "8", "Insects have six."),
    r"how many legs .*(?:insect|ant|bee|fly)\b": ("An insect has **6** legs.", "6", "Spiders have eight."),
    r"how many legs .*(?:dog|cat|horse|cow)": ("It has **4** legs.", "4", ""),
    r"how many (?:hours).*\bday\b": ("A day has **24** hours.", "24", "That is 1,440 minutes."),
    r"how many states .*(?:us|usa|united states|america)\b": ("The United States have **50** states.", "50", ""),
    r"which is (?:heavier|more).*(?:kilo|pound|ton).*feathers": ("They weigh **the same**.", "Same", ""),
}
