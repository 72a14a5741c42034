"""A phrase book: common phrases in four languages, and an honest word about the rest."""

from __future__ import annotations

import re

from portkey_nb.gateway.demo.draft import Draft, Question

_LANGUAGES = ("German", "French", "Spanish", "Italian")
_PHRASES = {
    "hello": ("Hallo", "Bonjour", "Hola", "Ciao"),
    "good morning": ("Guten Morgen", "Bonjour", "Buenos días", "Buongiorno"),
    "good evening": ("Guten Abend", "Bonsoir", "Buenas tardes", "Buonasera"),
    "good night": ("Gute Nacht", "Bonne nuit", "Buenas noches", "Buonanotte"),
    "goodbye": ("Auf Wiedersehen", "Au revoir", "Adiós", "Arrivederci"),
    "thank you": ("Danke", "Merci", "Gracias", "Grazie"),
    "thank you very much": ("Vielen Dank", "Merci beaucoup", "Muchas gracias", "Grazie mille"),
    "please": ("Bitte", "S'il vous plaît", "Por favor", "Per favore"),
    "yes": ("Ja", "Oui", "Sí", "Sì"),
    "no": ("Nein", "Non", "No", "No"),
    "excuse me": ("Entschuldigung", "Excusez-moi", "Disculpe", "Mi scusi"),
    "how are you": ("Wie geht es dir?", "Comment ça va ?", "¿Cómo estás?", "Come stai?"),
    "i love you": ("Ich liebe dich", "Je t'aime", "Te quiero", "Ti amo"),
    "i do not understand": ("Ich verstehe nicht", "Je ne comprends pas", "No entiendo", "Non capisco"),
    "where is the train station": (
        "Wo ist der Bahnhof?",
        "Où est la gare ?",
        "¿Dónde está la estación de tren?",
        "Dov'è la stazione?",
    ),
    "where is the library": (
        "Wo ist die Bibliothek?",
        "Où est la bibliothèque ?",
        "¿Dónde está la biblioteca?",
        "Dov'è la biblioteca?",
    ),
    "how much does it cost": ("Wie viel kostet das?", "Combien ça coûte ?", "¿Cuánto cuesta?", "Quanto costa?"),
    "my name is ana": ("Ich heiße Ana", "Je m'appelle Ana", "Me llamo Ana", "Mi chiamo Ana"),
    "nice to meet you": ("Freut mich", "Enchanté", "Mucho gusto", "Piacere"),
    "happy birthday": ("Alles Gute zum Geburtstag", "Joyeux anniversaire", "Feliz cumpleaños", "Buon compleanno"),
    "the weather is nice today": (
        "Das Wetter ist heute schön",
        "Il fait beau aujourd'hui",
        "Hoy hace buen tiempo",
        "Oggi fa bel tempo",
    ),
    "i would like a coffee": (
        "Ich hätte gern einen Kaffee",
        "Je voudrais un café",
        "Quisiera un café",
        "Vorrei un caffè",
    ),
    "hello world": ("Hallo Welt", "Bonjour le monde", "Hola mundo", "Ciao mondo"),
    "this is a test": ("Das ist ein Test", "Ceci est un test", "Esto es una prueba", "Questa è una prueba"),
    "the cat is on the table": (
        "Die Katze ist auf dem Tisch",
        "Le chat est sur la table",
        "El gato está sobre la mesa",
        "Il gatto è sul tavolo",
    ),
    "see you tomorrow": ("Bis morgen", "À demain", "Hasta mañana", "A domani"),
    "where is the hotel": ("Wo ist das Hotel?", "Où est l'hôtel ?", "¿Dónde está el hotel?", "Dov'è l'hotel?"),
    "good afternoon": ("Guten Tag", "Bonjour", "Buenas tardes", "Buon pomeriggio"),
    "i am hungry": ("Ich habe Hunger", "J'ai faim", "Tengo hambre", "Ho fame"),
    "i am tired": ("Ich bin müde", "Je suis fatigué", "Estoy cansado", "Sono stanco"),
    "what time is it": ("Wie spät ist es?", "Quelle heure est-il ?", "¿Qué hora es?", "Che ore sono?"),
    "what is your name": ("Wie heißt du?", "Comment t'appelles-tu ?", "¿Cómo te llamas?", "Come ti chiami?"),
    "i like coffee": ("Ich mag Kaffee", "J'aime le café", "Me gusta el café", "Mi piace il caffè"),
    "have a nice day": ("Einen schönen Tag", "Bonne journée", "Que tengas un buen día", "Buona giornata"),
    "good luck": ("Viel Glück", "Bonne chance", "Buena suerte", "Buona fortuna"),
}
_PHRASES["this is a test"] = ("Das ist ein Test", "Ceci est un test", "Esto es una prueba", "Questo è un test")
_WORDS = {
    "cat": ("Katze", "chat", "gato", "gatto"),
    "dog": ("Hund", "chien", "perro", "cane"),
    "house": ("Haus", "maison", "casa", "casa"),
    "water": ("Wasser", "eau", "agua", "acqua"),
    "bread": ("Brot", "pain", "pan", "pane"),
    "book": ("Buch", "livre", "libro", "libro"),
    "friend": ("Freund", "ami", "amigo", "amico"),
    "apple": ("Apfel", "pomme", "manzana", "mela"),
    "sun": ("Sonne", "soleil", "sol", "sole"),
    "moon": ("Mond", "lune", "luna", "luna"),
    "tree": ("Baum", "arbre", "árbol", "albero"),
    "love": ("Liebe", "amour", "amor", "amore"),
    "time": ("Zeit", "temps", "tiempo", "tempo"),
    "day": ("Tag", "jour", "día", "giorno"),
    "night": ("Nacht", "nuit", "noche", "notte"),
}
_PHRASE_BOOK = {**_WORDS, **_PHRASES}
_ASKED = (
    re.compile(
        r"\btranslate\b(?: the following| this| the (?:sentence|phrase|word)| text)*\s*(?:in|to|into) "
        r"(?P<language>\w+)\s*[:,-]?\s*(?P<words>.+)$",
        re.I | re.S,
    ),
    re.compile(
        r"\btranslate\b(?: the (?:sentence|phrase|word))?\s*:?\s*(?P<words>.+?)\s+(?:in|to|into) (?P<language>\w+)\W*$",
        re.I | re.S,
    ),
    re.compile(r"\bhow (?:do you|do i|would you|to) say\s+(?P<words>.+?)\s+in (?P<language>\w+)", re.I | re.S),
    re.compile(r"\bwhat (?:is|'s)\s+[\"“'](?P<words>.+?)[\"”']\s+in (?P<language>\w+)", re.I | re.S),
    re.compile(r"\bsay\s+(?P<words>[\w ]{2,40}?)\s+in (?P<language>german|french|spanish|italian)\b", re.I),
)


def translate(question: Question) -> Draft | None:
    """Translate a phrase that the phrase book has."""
    for pattern in _ASKED:
        found = pattern.search(question.text)
        if found and not re.fullmatch(r"(?:it|that|this|again)", found["words"].strip(), re.I):
            language = found["language"].capitalize()
            if language in _LANGUAGES:
                return put_into(language, found["words"])
            return Draft(
                lead=f"My phrase book has no {language}; it knows German, French, Spanish and Italian.",
                title="Translation",
                short="unknown",
                light=True,
            )
    return None


def put_into(language: str, text: str) -> Draft:
    """Translate a text if it is in the phrase book, in whole or sentence by sentence."""
    if language not in _LANGUAGES:
        language = "French"
    column = _LANGUAGES.index(language)
    parts = [part for part in re.split(r"(?<=[.!?])\s+", text.strip()) if part.strip()]
    done = [_one(part, column) for part in parts]
    several = re.split(r"\s*[,;\n]\s*", text.strip())
    if len(several) > 1 and not all(done) and all(listed := [_one(part, column) for part in several]):
        said = ", ".join(part for part in listed if part)
        return Draft(lead=said, short=said, exact=True, data={"translation": said, "language": language})
    if parts and all(done):
        said = " ".join(part for part in done if part)
        return Draft(lead=said, short=said, exact=True, data={"translation": said, "language": language})
    return Draft(
        lead=f"A simulated model cannot translate that into {language}; my phrase book holds common phrases only.",
        more=(
            "Try “good morning”, “thank you very much”, “where is the library?” or “I would like a coffee”.",
            "A real model behind Portkey translates anything.",
        ),
        title="Translation",
        light=True,
        data={"translation": None, "language": language},
    )


def _one(text: str, column: int) -> str | None:
    bare = re.sub(r"^[\"“'‘]+|[\"”'’.,!?]+$", "", text.strip()).strip().lower()
    bare = bare.replace("don't", "do not").replace("’", "'").replace("hello, world", "hello world")
    bare = {"hi": "hello", "thanks": "thank you", "bye": "goodbye"}.get(bare, bare)
    found = _PHRASE_BOOK.get(bare) or _PHRASE_BOOK.get(re.sub(r"^the ", "", bare))
    if not found:
        return None
    words = found[column]
    mark = re.search(r"[.!]$", text.strip(" \"”'’"))
    return words if not mark or words.endswith("?") else words + mark.group(0)
