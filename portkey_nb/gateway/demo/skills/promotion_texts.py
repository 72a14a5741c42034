"""The sentences that slogans, blurbs and letters are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["ANY_SLOGAN", "BLURBS", "LETTERS", "LETTER_ENDS", "SLOGANS", "SUBJECTS", "TITLES", "TWEETS"]

SLOGANS: Mapping[str, Sequence[str]] = {
    "coffee|caf[eé]": (
        "Good mornings are made here.",
        "Stay for the second cup.",
        "Where the day takes its first sip.",
    ),
    "baker\\w*|bread": ("Warm since five o'clock.", "The best thing about mornings.", "Rise with us."),
    "books?\\w*|librar\\w+": ("Find the page you needed.", "A door on every shelf.", "Read on."),
    "shoes?|running|sports?\\w*": ("One more mile.", "Your street, your start line.", "Run like nobody is timing."),
    "pizza|restaurant|burger": (
        "Come hungry, leave humming.",
        "Tonight, somebody else cooks.",
        "Sit down. It's ready.",
    ),
    "gym|fitness|yoga": ("Stronger by Tuesday.", "Show up. The rest follows.", "The hardest step is the door."),
    "bank|finance|insurance": (
        "Sleep well on it.",
        "Your money, without the small print.",
        "Plain sums, kept promises.",
    ),
    "travel|hotel|holidays?": ("Pack less. See more.", "Elsewhere is closer than you think.", "Come back different."),
    "app|software|startup|ai|data": (
        "Less clicking, more doing.",
        "Think it. Run it.",
        "Made for the other ten hours.",
    ),
}
"""Pattern of a trade -> slogans for it."""
ANY_SLOGAN: Sequence[str] = (
    "{Topic}. Simply done well.",
    "Less fuss, more {topic}.",
    "{Topic}: worth the wait.",
    "Come for {topic}, stay for more.",
    "{Topic} you can count on.",
    "{Topic}, the way you always wanted.",
)
TITLES: Sequence[str] = (
    "{Topic}: What We Know and What We Only Think We Know",
    "A Field Guide to {topic}",
    "Ten Minutes with {topic}",
    "{Topic}, Reconsidered",
    "What Nobody Told You About {topic}",
)
TWEETS: Sequence[str] = (
    "{Topic} is here. Try it today and tell us what you would change.",
    "Big day: meet {topic}. Small team, long nights, and we are rather proud of it.",
    "You asked, we listened: {topic}. Have a look and tell a friend.",
)
BLURBS: Sequence[Sequence[str]] = (
    (
        "Meet the {noun} that earns its place from the first day.",
        "Made from honest materials and finished by hand, it looks as good up close as it does across the room.",
        "It is simple to use, easy to care for and built to last.",
        "And should it ever let you down, we will put it right.",
    ),
    (
        "Some things do one job and do it well: this {noun} is one of them.",
        "Clean lines, thoughtful details and nothing that gets in the way.",
        "Once it is yours, you will wonder how you managed without it.",
        "It also makes a fine present, if you can bear to give it away.",
    ),
    (
        "A good {noun} should be easy to live with, and this one is.",
        "It is sturdy where it counts and light where it matters.",
        "Unpack it, put it to use, and let it quietly improve your day.",
        "Every part can be mended or replaced, so it will be around for years.",
    ),
)
LETTERS: Mapping[str, Sequence[str]] = {
    "ask": (
        "I would like to ask for {matter}. I have made sure that nothing is left waiting meanwhile.",
        "May I ask for {matter}? I am happy to arrange the details in whatever way suits you.",
    ),
    "thanks": (
        "I want to thank you for {matter}. It helped me more than you may know.",
        "Thank you so much for {matter}. I was very glad of it.",
    ),
    "sorry": (
        "I am sorry for {matter}. I should have told you sooner, and I will make sure that it does not happen again.",
        "Please accept my apologies for {matter}. I know that it caused you trouble, and I want to put it right.",
    ),
    "invite": (
        "I would like to invite you to {matter}. It would be lovely to have you there.",
        "Would you like to come to {matter}? We would be very happy to see you.",
    ),
    "trouble": (
        "I am writing about {matter}. It has been going on for some days now and makes daily life difficult. Could you "
        "tell me by when it will be seen to?",
        "I have to let you know about {matter}. Please have it looked at as soon as you can; I am at home most "
        "evenings and can let somebody in.",
        "May I draw your attention to {matter}? I would be grateful for a date by which it will be put right.",
    ),
    "about": (
        "I am writing about {matter}. Could we find half an hour this week to settle it?",
        "I wanted to get in touch about {matter}. Please let me know how you would like to go on, and by when.",
    ),
    "cover": (
        "I am applying for the position of {matter}. In my last post I turned vague questions into clear results, and "
        "I learnt to explain them to people who had little time.\n\nWhat draws me to you is the chance to do careful "
        "work that is put to use. I would be glad to tell you more in a conversation.",
    ),
}
SUBJECTS: Mapping[str, str] = {
    "ask": "{matter}",
    "thanks": "Thank you for {matter}",
    "sorry": "Apology for {matter}",
    "invite": "Invitation: {matter}",
    "about": "{matter}",
    "trouble": "{matter}",
    "cover": "Application as {matter}",
}
LETTER_ENDS: Sequence[str] = (
    "Please tell me if anything about this is not clear.",
    "Thank you for your time; I look forward to hearing from you.",
    "If you have any questions, I am glad to answer them.",
)
