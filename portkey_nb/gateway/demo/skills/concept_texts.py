"""The concepts that the simulated models can explain: the definition first, then what is worth adding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CONCEPTS", "Concept"]


@dataclass(frozen=True, slots=True)
class Concept:
    """One concept: heading, other names, what one tells a child, and the sentences of its explanation."""

    title: str
    aliases: tuple[str, ...]
    simply: str
    sentences: tuple[str, ...]


CONCEPTS: Mapping[str, Concept] = {
    "temperature": Concept(
        "Temperature",
        ("sampling temperature", "temperature in llms", "temperature parameter"),
        "Temperature tells a language model how adventurous to be: low means it says the obvious thing, high means "
        "it plays.",
        (
            "Temperature is the setting that decides how boldly a language model picks its next token.",
            "At 0 it takes the likeliest token every time, so the same prompt gives the same text again.",
            "Higher values flatten the probabilities, which brings variety, and beyond about 1.2 also nonsense.",
            "Use low values for extraction and code, and higher ones for names, verses and brainstorming.",
        ),
    ),
    "token": Concept(
        "Tokens",
        ("tokenization", "tokenizer", "tokenisation"),
        "A token is a little piece of a word; a language model reads and writes in such pieces.",
        (
            "A token is the piece of text that a language model reads and writes: a short word, part of a long "
            "one, or a mark.",
            "In English one token is about four characters, so a hundred tokens are some seventy-five words.",
            "Prices, context windows and rate limits are all counted in tokens.",
            "Other scripts and source code often need more tokens for the same length of text.",
        ),
    ),
    "gradient descent": Concept(
        "Gradient descent",
        ("sgd", "stochastic gradient descent"),
        "Imagine walking downhill in fog: you feel which way is steepest down and take a small step, over and over.",
        (
            "Gradient descent finds a minimum of a function by stepping again and again against its gradient.",
            "The learning rate sets the length of a step: too small and it crawls, too large and it leaps over the "
            "valley.",
            "Neural networks use the stochastic form, which estimates the gradient from a small batch of the data.",
            "On surfaces that are not convex it may settle in a local minimum, which in practice is often good enough.",
        ),
    ),
    "overfitting": Concept(
        "Overfitting",
        ("overfit", "over fitting"),
        "It is like learning the answers of last year's test by heart: fine on that test, no help on the next one.",
        (
            "Overfitting means that a model has learnt the noise of its training data along with the pattern.",
            "It shows as a low error on the training set and a clearly higher one on data that the model has not seen.",
            "More data, a simpler model, regularisation and early stopping all work against it.",
            "Cross-validation is the usual way to notice it in time.",
        ),
    ),
    "p-value": Concept(
        "The p-value",
        ("p value", "statistical significance", "p values"),
        "A p-value says how surprised you should be by your data if nothing special were going on.",
        (
            "A p-value is the probability of data at least as extreme as yours if the null hypothesis were true.",
            "It is not the probability that the hypothesis is true, which is the most common misreading.",
            "A small value speaks against the null hypothesis but says nothing about the size of the effect.",
            "Report an effect size with an interval beside it, and fix the threshold before you look at the data.",
        ),
    ),
    "embedding": Concept(
        "Embeddings",
        ("word embedding", "vector embedding", "text embedding"),
        "An embedding gives every word an address on a big map, so that words which mean similar things are "
        "neighbours.",
        (
            "An embedding turns a text, image or item into a list of numbers whose geometry mirrors its meaning.",
            "Things that mean similar things lie close together, usually measured by cosine similarity.",
            "They carry semantic search, clustering, recommendation and the retrieval step of RAG systems.",
            "Vectors of two different models do not live in the same space, so never mix them in one index.",
        ),
    ),
    "recursion": Concept(
        "Recursion",
        ("recursive function",),
        "Recursion is like two mirrors facing each other, except that somewhere there is a smallest mirror where "
        "it stops.",
        (
            "Recursion is when a function solves a problem by calling itself on a smaller version of it.",
            "Every recursive function needs a base case, or it never stops.",
            "Trees, nested data and divide-and-conquer algorithms such as merge sort are its natural home.",
            "Python limits the depth to about a thousand calls, so very deep problems are better written as loops.",
        ),
    ),
    "black hole": Concept(
        "Black holes",
        (),
        "A black hole is a place in space that pulls so hard that not even light can climb out again.",
        (
            "A black hole is a region of space whose gravity is so strong that not even light can leave it.",
            "Its boundary is the event horizon, and its size grows in proportion to its mass.",
            "Many form when massive stars collapse; giant ones of millions of suns sit in the middle of most galaxies.",
            "We know them by what they do to their surroundings: glowing discs, orbiting stars and gravitational "
            "waves.",
        ),
    ),
    "photosynthesis": Concept(
        "Photosynthesis",
        (),
        "Plants cook their own food: they mix water and air, with sunlight as the stove, and breathe out oxygen.",
        (
            "Photosynthesis is how plants, algae and some bacteria turn light, water and carbon dioxide into sugar "
            "and oxygen.",
            "It happens in the chloroplasts, where the green pigment chlorophyll catches the light.",
            "The light reactions store energy in ATP and NADPH, and the Calvin cycle then spends it to build sugar.",
            "Nearly all food and all the oxygen in the air go back to it.",
        ),
    ),
    "large language model": Concept(
        "Large language models",
        ("llm", "language model", "llms", "generative ai"),
        "A language model is a very well-read guesser: it always guesses which piece of text comes next.",
        (
            "A large language model is a neural network trained to predict the next token of a text.",
            "From that one task, done over trillions of tokens, it picks up grammar, facts and ways of reasoning.",
            "Further training on instructions and on people's preferences makes a usable assistant of it.",
            "It has no notion of truth of its own, so it can state something wrong in perfect prose.",
        ),
    ),
    "transformer": Concept(
        "The transformer",
        ("attention mechanism", "self attention", "attention"),
        "A transformer reads a whole sentence at once and decides, for each word, which other words matter to it.",
        (
            "A transformer is a neural network that relates every token to every other one by attention.",
            "Each token asks a query, and the answer is a mixture of the other tokens' values, weighted by how "
            "well their keys fit.",
            "Because all positions are worked on at once it trains far faster than networks that read word by word.",
            "The cost of attention grows with the square of the length, which is why context windows are limited.",
        ),
    ),
    "retrieval-augmented generation": Concept(
        "Retrieval-augmented generation",
        ("rag", "retrieval augmented generation"),
        "It is an open-book exam: the model first looks up the right pages and then answers from them.",
        (
            "Retrieval-augmented generation looks up fitting documents first and puts them into the prompt.",
            "The documents are usually found by comparing embeddings of the question and of pieces of text.",
            "It lets a model answer from private or recent sources and quote them.",
            "Most failures are failures of the retrieval, so measure that step by itself.",
        ),
    ),
    "hallucination": Concept(
        "Hallucination",
        ("hallucinate",),
        "A model hallucinates when it makes something up and says it as if it knew.",
        (
            "A hallucination is a statement of a language model that sounds right and is not.",
            "It happens because the model aims at likely text and not at true text.",
            "Giving it sources, asking for quotations and allowing it to say “I don't know” all help.",
            "Numbers, names, links and citations deserve a check before you rely on them.",
        ),
    ),
    "context window": Concept(
        "The context window",
        ("context length",),
        "The context window is the model's desk: whatever does not fit on it cannot be read.",
        (
            "The context window is the number of tokens that a model can take into account at once, question and "
            "answer together.",
            "What lies outside of it is simply not there for the model, earlier turns of a chat included.",
            "Long contexts cost more and are read less carefully in the middle than at both ends.",
            "Summaries and retrieval are the usual ways to live within it.",
        ),
    ),
    "fine-tuning": Concept(
        "Fine-tuning",
        ("fine tuning", "finetuning", "lora"),
        "Fine-tuning sends a model that already went to school to a short special course.",
        (
            "Fine-tuning trains a finished model a little further on examples of one task or tone.",
            "It is good for form, such as style and formats, and poor for teaching new facts.",
            "Methods such as LoRA train only small added matrices, which makes it affordable on one GPU.",
            "Try a better prompt with a few examples first: that is cheaper and easier to change.",
        ),
    ),
    "prompt engineering": Concept(
        "Prompt engineering",
        ("prompting", "few shot", "system prompt"),
        "It means asking so clearly that even a stranger would do the right thing.",
        (
            "Prompt engineering is writing instructions so that a model does what you mean.",
            "State the task, the audience and the format, and show one or two examples.",
            "Change one thing at a time and compare on the same set of inputs, or you are only guessing.",
            "Keep prompts under version control beside the code that uses them.",
        ),
    ),
    "load balancing": Concept(
        "Load balancing",
        ("load balancer",),
        "It is opening several tills in a shop and sending each customer to one of them.",
        (
            "Load balancing spreads requests over several servers, keys or models by weight.",
            "It keeps any one of them under its rate limit and lets you try a new model on a small share of the "
            "traffic.",
            "In a Portkey Config it is the strategy mode `loadbalance` with a weight on each target.",
            "Pair it with a fallback, so that a target that is down does not take its share of users with it.",
        ),
    ),
    "ai gateway": Concept(
        "AI gateways",
        ("portkey", "llm gateway"),
        "A gateway is a receptionist: you ask one desk, and it finds out which model should answer.",
        (
            "An AI gateway such as Portkey stands between your code and the providers and speaks one API for all "
            "of them.",
            "It adds retries, fallbacks, load balancing and caching without a change to the calling code.",
            "Every call passes through it, so it is the natural place for logs, costs and budgets.",
            "Its routing is described by a Config, a small JSON document sent with the request.",
        ),
    ),
    "standard deviation": Concept(
        "Standard deviation",
        (),
        "It tells how far things usually are from the average.",
        (
            "The standard deviation says how far values typically lie from their mean.",
            "It is the square root of the variance and so has the unit of the data.",
            "In a normal distribution some 68 % of the values lie within one of it and 95 % within two.",
            "A few outliers can inflate it badly; the median absolute deviation is sturdier.",
        ),
    ),
    "central limit theorem": Concept(
        "The central limit theorem",
        ("clt",),
        "If you average many dice, the averages pile up in a bell shape, whatever one die does.",
        (
            "The central limit theorem says that means of many independent draws are nearly normally distributed.",
            "It holds for almost any distribution of the single draw, as long as its variance is finite.",
            "The spread of the mean shrinks with the square root of the number of draws.",
            "It is the reason why so many confidence intervals are built on the normal curve.",
        ),
    ),
    "linear regression": Concept(
        "Linear regression",
        ("least squares",),
        "It draws the straight line that passes as close as possible to all the dots.",
        (
            "Linear regression describes a number as a weighted sum of other numbers plus noise.",
            "The weights are chosen so that the squared errors are as small as possible together.",
            "Each weight tells how the outcome changes with one predictor while the others stand still.",
            "Look at the residuals: a pattern in them means that the straight line is not the whole story.",
        ),
    ),
    "confidence interval": Concept(
        "Confidence intervals",
        (),
        "It is an honest “somewhere between here and there” in place of one number.",
        (
            "A confidence interval is a range made by a method that covers the true value in, say, 95 % of all "
            "samples.",
            "A wide interval means that the data do not say much yet.",
            "It belongs to the procedure: a given interval either holds the true value or does not.",
            "For proportions from few trials, Wilson's interval behaves better than the textbook one.",
        ),
    ),
    "machine learning": Concept(
        "Machine learning",
        ("ml", "supervised learning"),
        "Instead of being told the rules, the computer finds them by looking at many examples.",
        (
            "Machine learning finds rules from examples in place of being given them.",
            "Supervised learning has the right answers to learn from; unsupervised learning looks for structure "
            "without them.",
            "What counts is how a model does on data that it has not seen.",
            "Most of the work lies in the data: collecting, cleaning and splitting it fairly.",
        ),
    ),
    "neural network": Concept(
        "Neural networks",
        ("deep learning", "backpropagation"),
        "It is a chain of many tiny knobs that are turned, little by little, until the output fits.",
        (
            "A neural network is a stack of simple layers, each a weighted sum followed by a bend.",
            "Training compares its output with the target and passes the error back through the layers by the "
            "chain rule.",
            "With enough layers and data it learns its own features of images, sound or text.",
            "It is hungry for data and hard to read, so try a simpler model first as a yardstick.",
        ),
    ),
    "api": Concept(
        "APIs",
        ("rest api",),
        "An API is a menu: you order by name and need not know how the kitchen works.",
        (
            "An API is the agreed way in which one program asks another for something.",
            "A web API takes HTTP requests and mostly answers in JSON.",
            "Keys say who is asking, status codes say how it went, and rate limits keep the peace.",
            "A good API can be used from its documentation alone.",
        ),
    ),
    "decorator": Concept(
        "Decorators",
        ("python decorator",),
        "A decorator wraps a present: the gift stays the same, but something happens when you open it.",
        (
            "A decorator is a function that takes a function and gives back one with something added.",
            "Writing `@name` above a definition is short for `f = name(f)`.",
            "Caching, timing, registering and checking are its usual jobs; `functools.lru_cache` is the best known.",
            "Use `functools.wraps` so that the name and docstring of the wrapped function survive.",
        ),
    ),
    "entropy": Concept(
        "Entropy",
        (),
        "Entropy measures how messy or how surprising something is.",
        (
            "Entropy measures how many ways there are for something to be as it is, or how surprising a message is "
            "on average.",
            "In physics it never falls in a closed system, which gives time its direction.",
            "In information theory it is the least number of bits needed on average to write a symbol down.",
            "A fair coin has one bit of it, a coin with two heads none.",
        ),
    ),
    "big o notation": Concept(
        "Big O notation",
        ("big o", "time complexity"),
        "It tells how much longer a job takes when there is more to do.",
        (
            "Big O notation says how the cost of an algorithm grows with the size of its input.",
            "Looking something up in a hash table is O(1), searching a sorted list O(log n), sorting O(n log n).",
            "It ignores constant factors, so for small inputs the simpler method often wins.",
            "Nested loops over the same data are the usual sign of O(n²).",
        ),
    ),
    "gravity": Concept(
        "Gravity",
        (),
        "Everything that has weight pulls at everything else; the Earth is so big that it pulls you down.",
        (
            "Gravity is the attraction between all things that have mass or energy.",
            "Newton described it as a force that falls off with the square of the distance.",
            "Einstein described it as the curving of space and time by what is in them.",
            "It is by far the weakest of the known forces, and still it shapes stars and galaxies.",
        ),
    ),
    "sky": Concept(
        "Why the sky is blue",
        ("sky blue", "rayleigh scattering"),
        "Sunlight is a mix of colours, and the air throws the blue part about the most, so blue comes from everywhere.",
        (
            "The sky is blue because air scatters short, blue light waves far more than long, red ones.",
            "This is Rayleigh scattering, which grows with the inverse fourth power of the wavelength.",
            "At sunset the light crosses more air, the blue is scattered away, and red and orange are left.",
            "Violet is scattered even more, but the sun sends less of it and our eyes hardly notice it.",
        ),
    ),
    "jupyter": Concept(
        "Jupyter notebooks",
        ("jupyter notebook", "jupyterlab", "notebook"),
        "A notebook is a page where writing and small programs take turns, and the answers appear right below.",
        (
            "A Jupyter notebook is a document of cells in which code, its results and prose stand side by side.",
            "A kernel runs the code and keeps its variables from cell to cell.",
            "Running the cells out of order is the classic trap: restart and run all before you share one.",
            "Magics such as `%%portkey` add new kinds of cells.",
        ),
    ),
}
"""Concept by name."""
