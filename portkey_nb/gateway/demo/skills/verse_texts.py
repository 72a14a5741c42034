"""Haiku, poems, limericks, jokes and very short stories, all written for the demo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = [
    "ANY_HAIKU",
    "ANY_LIMERICK",
    "ANY_POEM",
    "ANY_STORY",
    "FUN_FACTS",
    "HAIKU",
    "JOKES",
    "LIMERICKS",
    "POEMS",
    "STORIES",
]

HAIKU: Mapping[str, Sequence[str]] = {
    "sea|ocean|waves?|beach|tide|coast": (
        "The tide counts the stones,\nloses its place at evening,\nand begins again.",
        "Salt wind, one gray gull;\nthe horizon draws a line\nthat no boat erases.",
        "Blue folded on blue:\nthe sea puts its letters back\nbefore we can read.",
        "Low tide. The harbour\nshows the rust it wears beneath\nits evening dress.",
        "Wave after wave comes\nto ask the shore one question\nand leaves before noon.",
        "Far out, a small light:\nsomebody is wide awake\non the dark water.",
    ),
    "autumn|leaf|leaves|fall": (
        "A leaf leaves the branch,\nwrites one slow word on the wind,\nand the pond reads it.",
        "Smoke above the fields;\nthe last apple holds its light\none cold morning more.",
        "The rake leans alone.\nAll night the garden undoes\nwhat the day had done.",
    ),
    "spring|cherry|blossoms?|flowers?|gardens?": (
        "Snow forgets its name;\nalong the gutter, one drop\npractises the spring.",
        "First bee of the year\nreads the whole cherry orchard\nstarting from the end.",
        "A crack in the stone:\nthe crocus has found the door\nnobody had built.",
    ),
    "summer|sun|sunshine|heat": (
        "Noon on the white wall;\neven the lizard has put\nits errands aside.",
        "Long day, longer dusk:\nthe swallows mend the blue sky\nwith invisible thread.",
        "Shade moves, and the dog\nmoves after it, one slow inch\nbehind the whole sun.",
    ),
    "code|coding|program\\w*|python|bugs?|computers?|software|debugg\\w+": (
        "One missing bracket:\nall night the small cursor blinks,\npatient as the moon.",
        "It works, and nobody\nknows why. We tiptoe away\nand close the laptop.",
        "Green tests, quiet room.\nSomewhere a careful comment\nsays: do not touch this.",
    ),
    "data|statistics?|models?|ai|machine|notebooks?|prompts?|tokens?": (
        "Ten thousand gray dots,\nand then, between two columns,\na quiet straight line.",
        "I asked it plainly;\nit gave me back my own words\nin a better coat.",
        "Rows without a name:\nsomeone was born, bought some bread,\nand became a mean.",
    ),
    "robots?|android|lonely": (
        "The robot at dusk\nwaters a plastic flower\nand logs: still no change.",
        "Its one red light blinks.\nIn the empty factory\nsomething hums along.",
        "Steel hand, open palm;\nthe sparrow sits down on it\nas on any branch.",
    ),
    "rain|storm|clouds?": (
        "Rain on the tin roof\nspeaks all its sentences twice\nso the house may hear.",
        "The cloud comes closer,\nborrows the colour of slate,\nthen pays it all back.",
        "Umbrellas pass by,\na slow procession of moons\nabove wet asphalt.",
    ),
    "cats?|kittens?": (
        "The cat owns the light\nthat comes in at three o'clock\nand moves when it moves.",
        "Two eyes in the dark\nweigh the matter of the glass\nnear the table's edge.",
        "She sleeps on the proofs.\nThe theorem will have to wait\nuntil she turns round.",
    ),
    "dogs?|pupp(?:y|ies)": (
        "Keys touch the tin bowl,\nand the whole dog, nose to tail,\nis one question mark.",
        "Mud across the hall\nin a hand I recognise:\nfour paws, one great day.",
        "The old dog dreaming\nruns a little with her feet\nthrough some younger field.",
    ),
    "mountains?|snow|winter": (
        "White beyond the ridge,\na crow folds up its black wings\nand winter goes on.",
        "The path ends in snow;\nthe mountain keeps its own notes\non who came this far.",
        "One lamp in the vale.\nAll around it the cold night\nis holding its breath.",
    ),
    "moon|night|stars?|space": (
        "The moon, late again,\nslips in over the dark roofs\nwithout any shoes.",
        "Old light, just arrived:\nthe star it came from has closed\nits shop long ago.",
        "Night writes nothing down.\nStill the stars stand in their rows\nlike a careful hand.",
    ),
    "coffee|tea|morning": (
        "Steam leaves the black cup;\nfor one long and quiet breath\nnobody wants me.",
        "The kettle clears its throat\nas if it had, this morning,\nsomething new to say.",
        "Grounds at the bottom:\na small map of somewhere else\nI will not go today.",
    ),
    "love|heart|friend\\w*": (
        "Two cups in the sink,\none leaning against the other:\nthat was our evening.",
        "You laughed in your sleep.\nI lay awake a long while\nguarding the good joke.",
        "Your coat on my hook.\nThe whole house behaves as if\nit had always been.",
    ),
    "trees?|forests?|woods?": (
        "The oldest of oaks\nlends one branch to the owl's voice\nand forgets it there.",
        "Deep in the pine wood\nthe path and I lose each other\nand both are quite glad.",
        "A ring for each year:\nthe tree keeps its calendar\nwhere no one will look.",
    ),
}
"""Pattern of a subject -> haiku about it."""

ANY_HAIKU: Sequence[str] = (
    "{Topic}: at first light\nsomeone says the word aloud\nand the room listens.",
    "I looked for {topic}\nin the last drawer of the house;\na moth flew away.",
    "After the long day,\n{topic}, and the quiet road\nleading home again.",
    "Nobody about.\nOnly {topic} and the wind\nkeeping company.",
)
"""For a subject that has none of its own; the count of syllables gives way to it."""

POEMS: Mapping[str, Sequence[str]] = {
    "moon|night|stars?|dream\\w*": (
        "The moon came by to read the roofs,\nit took them one by one;\nit found a lamp, it found a cat,\n"
        "it found the washing done.\n\nIt wrote a line on every pane\nand signed it, thin and white;\n"
        "by morning no one could have said\nwho had been up all night.",
        "Somebody left the moon switched on\nabove the sleeping town;\nit drew the shape of every tree\n"
        "and laid it gently down.",
    ),
    "sea|ocean|rivers?|water": (
        "I asked the river where it went.\nIt said: to where I'm sent.\nI asked the stone if it would go.\n"
        "It said: I'm slow, I'm slow.\n\nBetween the two I built a house\nwith one door and one wall;\n"
        "the river took it in the spring.\nThe stone recalls it all.",
        "The sea has never kept a clock,\nit only has a tide;\n"
        "it comes as far as it was told\nand turns the other side.",
    ),
    "cod\\w+|program\\w*|data|computers?|ai|python": (
        "I wrote a loop to count the stars\nand left it overnight;\nit stopped at seven, with a note:\n"
        "“the rest is only light.”",
        "A column has a thousand rows,\na row has twenty names,\nand somewhere in between them runs\n"
        "a fox who plays no games.\n\nYou plot it once, you plot it twice,\nyou smooth it with a mean;\n"
        "and there he sits, red in the grass,\nas plain as he had been.",
    ),
}
ANY_POEM: Sequence[str] = (
    "They say of {topic}: leave it be,\nit will not stay, it is not free.\nI left the door ajar all night\n"
    "and there it was, at morning light.",
    "What is there left to say of {topic}\nthat has not long been said?\nI wrote it down, I crossed it out,\n"
    "and went outside instead.\n\nAnd there, beneath the common sky,\nwith nobody to hear,\n"
    "I found the words I could not find,\nand they were very near.",
    "A little word on {topic}, then,\nbefore the lamp burns low:\nit asks for nothing that we have\n"
    "and does not see us go.",
)

LIMERICKS: Mapping[str, Sequence[str]] = {
    "cod\\w+|program\\w*|develop\\w*|engineers?|bugs?|python": (
        "A coder who lived in Trieste\nput all of her faith in one test.\nIt passed with a cheer,\nbut was skipped, it "
        "was clear,\nand the bug had the night off to rest.",
    ),
    "data|statistic\\w*|scientists?|models?|ai": (
        "A statistician named Claire\nsaw patterns in curls of her hair.\n"
        "Her p came out small,\nshe told one and all,\n"
        "then combed it: there no longer there.",
        "A scientist, working on data,\nsaid: “I shall clean all of it later.”\nBut later, it's known,\nhas a mind of "
        "its own,\nand the rows grew like weeds round a crater.",
    ),
    "cats?|kittens?": (
        "A cat with a talent for maths\nwould plot the most elegant paths\nfrom shelf down to chair\nand from there to "
        "the air,\nbut she never could calculate baths.",
    ),
}
ANY_LIMERICK: Sequence[str] = (
    "There once was a verse about {topic}\nthat ended too soon on the topic;\nthe poet said: “Fine,\n"
    "I have one more line,”\nbut its size was, alas, microscopic.",
    "A person from somewhere near Deal\nfound {topic} had lots of appeal;\nshe told every friend\nfrom beginning to "
    "end,\nand then told it again at each meal.",
)

JOKES: Sequence[str] = (
    "Why did the DataFrame break up with the list? It needed someone with more columns.",
    "A statistician drowned in a river that was one metre deep. On average.",
    "I asked the model for a random number. It said seven. It always says seven.",
    "There are two hard things in computing: naming, invalidating caches, and counting to two.",
    "Why do programmers prefer tea? Because Java keeps throwing exceptions before breakfast.",
    "My prompt was so long that the model summarised me.",
)
FUN_FACTS: Sequence[str] = (
    "Octopuses have three hearts, and two of them stop while the animal swims.",
    "Honey keeps so well that jars of it from ancient tombs were still edible.",
    "Bananas are berries to a botanist, and strawberries are not.",
    "A day on Venus is longer than its year.",
    "Wombats leave droppings in the shape of cubes.",
    "The Eiffel Tower grows by some fifteen centimetres on a hot summer's day.",
)
STORIES: Sequence[str] = (
    "The lighthouse keeper had never missed an evening. On the night the lamp failed, he lit every candle in the "
    "house and carried them up one by one. In the morning a captain came ashore to ask about the strange new star. The "
    "keeper pointed at his stairs, where the wax had made a road.",
    "Mira's grandmother repaired clocks, but never set them. “Time is the customer's business,” she said. When "
    "Mira inherited the shop, two hundred clocks showed two hundred hours. She set none of them either. People still "
    "come in, she found, mostly to choose one.",
    "The robot was told to water the garden until it was happy. It watered the roses, the beans and the fence. At "
    "dusk it sat down beside the tin can and waited. A boy came by, saw it, and put a flower into the can. The robot "
    "noted: done.",
    "The dragon guarded nothing but a bench. Travellers came with swords, found no gold, and sat down. After a while "
    "most of them began to talk. “You are not very frightening,” one of them said. “No,” said the dragon, “but you "
    "are still here.”",
)
ANY_STORY: Sequence[str] = (
    "Once there was {topic} that nobody in the village had asked for. The baker looked at it and shook his head; the "
    "children came closer. By the end of the week everyone had walked past twice, and by the end of the month they "
    "had given it a name. When it was gone one morning, they kept the name and gave it to the square.",
    "It began with {topic} and a key that fitted no door. Ines carried both through the whole of the winter. In March "
    "the ice went out of the harbour, and a boat came in whose cabin was locked. She did not ask how it had known. "
    "She only turned the key.",
)
