"""Formulas in LaTeX with a word about each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from portkey_nb.gateway.demo.draft import Draft, Question


@dataclass(frozen=True, slots=True)
class _Formula:
    pattern: str
    title: str
    lead: str
    latex: str
    more: tuple[str, ...]


_FORMULAS = (
    _Formula(
        r"quadratic (?:formula|equation)",
        "The quadratic formula",
        "The quadratic formula solves $ax^2 + bx + c = 0$ for any $a \\neq 0$:",
        r"x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}",
        (
            "The discriminant $D = b^2 - 4ac$ tells how many real solutions there are: two if $D > 0$, one if $D = 0$, "
            "none if $D < 0$.",
            "It comes from completing the square.",
            "For example, $x^2 - 5x + 6 = 0$ has $D = 1$ and the solutions $x = 2$ and $x = 3$.",
        ),
    ),
    _Formula(
        r"euler'?s? (?:identity|formula)",
        "Euler's identity",
        "Euler's identity ties together the five best-known numbers of mathematics:",
        r"e^{i\pi} + 1 = 0",
        (
            "It is the case $\\varphi = \\pi$ of Euler's formula $e^{i\\varphi} = \\cos\\varphi + i\\sin\\varphi$.",
            "Half a turn around the unit circle leads from $1$ to $-1$, and that is all it says.",
        ),
    ),
    _Formula(
        r"standard deviation|\bvariance\b",
        "Standard deviation",
        "The standard deviation of a sample $x_1, \\dots, x_n$ with mean $\\bar{x}$ is",
        r"s = \sqrt{\frac{1}{n-1} \sum_{i=1}^{n} (x_i - \bar{x})^2}",
        (
            "It measures how far the values typically lie from $\\bar{x}$, in the unit of the data.",
            "The $n - 1$ below the line corrects for having estimated the mean from the same data.",
            "Its square $s^2$ is the variance.",
        ),
    ),
    _Formula(
        r"pythagor",
        "The theorem of Pythagoras",
        "In a right triangle with legs $a$, $b$ and hypotenuse $c$:",
        r"a^2 + b^2 = c^2",
        (
            "The best-known example in whole numbers is $3^2 + 4^2 = 5^2$.",
            "It gives distances in any number of dimensions.",
        ),
    ),
    _Formula(
        r"bayes",
        "Bayes' theorem",
        "Bayes' theorem turns a probability around:",
        r"P(A \mid B) = \frac{P(B \mid A)\, P(A)}{P(B)}",
        (
            "$P(A)$ is what you believed before, $P(A \\mid B)$ what you should believe after seeing $B$.",
            "It is why a positive result of a good test for a rare disease is still mostly a false alarm.",
        ),
    ),
    _Formula(
        r"normal distribution|gaussian|bell curve",
        "The normal distribution",
        "The density of the normal distribution with mean $\\mu$ and standard deviation $\\sigma$ is",
        r"f(x) = \frac{1}{\sigma\sqrt{2\pi}} \exp\!\left(-\frac{(x-\mu)^2}{2\sigma^2}\right)",
        ("About $68\\,\\%$ of it lies within $\\mu \\pm \\sigma$ and $95\\,\\%$ within $\\mu \\pm 2\\sigma$.",),
    ),
    _Formula(
        r"gradient descent",
        "Gradient descent",
        "Gradient descent lowers a loss $L(\\theta)$ by stepping against its gradient:",
        r"\theta_{t+1} = \theta_t - \eta\, \nabla L(\theta_t)",
        ("The learning rate $\\eta$ sets the length of a step.", "It stops when the gradient is close to zero."),
    ),
    _Formula(
        r"softmax",
        "Softmax",
        "Softmax turns scores $z_1, \\dots, z_k$ into probabilities:",
        r"p_i = \frac{e^{z_i / T}}{\sum_{j=1}^{k} e^{z_j / T}}",
        ("$T$ is the temperature: the smaller it is, the more the largest score wins.",),
    ),
    _Formula(
        r"cross[- ]entropy|log loss",
        "Cross-entropy",
        "The cross-entropy between the truth $y$ and a prediction $p$ is",
        r"H(y, p) = -\sum_{i} y_i \log p_i",
        ("It is smallest when $p$ agrees with $y$, and it punishes confident mistakes most.",),
    ),
    _Formula(
        r"attention",
        "Attention",
        "Scaled dot-product attention mixes values $V$ by how well queries $Q$ fit keys $K$:",
        r"\operatorname{Attention}(Q, K, V) = \operatorname{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}}\right) V",
        ("Dividing by $\\sqrt{d_k}$ keeps the scores from growing with the dimension.",),
    ),
    _Formula(
        r"cosine similarity",
        "Cosine similarity",
        "The cosine similarity of two vectors is",
        r"\cos(a, b) = \frac{a \cdot b}{\lVert a \rVert\, \lVert b \rVert}",
        ("It is $1$ for the same direction, $0$ for a right angle and $-1$ for opposite directions.",),
    ),
    _Formula(
        r"derivative of x\^?2|derivative of x squared",
        "A derivative",
        "The power rule gives",
        r"\frac{d}{dx}\, x^2 = 2x",
        ("In general $\\frac{d}{dx} x^n = n x^{n-1}$.",),
    ),
    _Formula(
        r"fundamental theorem of calculus",
        "The fundamental theorem of calculus",
        "If $F' = f$, then",
        r"\int_a^b f(x)\,dx = F(b) - F(a)",
        ("Adding up a rate of change gives the change itself.",),
    ),
    _Formula(
        r"area of a circle|circumference",
        "The circle",
        "A circle of radius $r$ has the area $A$ and the circumference $C$:",
        r"A = \pi r^2 \qquad C = 2\pi r",
        ("The derivative of the area by the radius is the circumference.",),
    ),
    _Formula(
        r"compound interest",
        "Compound interest",
        "A sum $P$ at the yearly rate $r$, paid $n$ times a year, grows in $t$ years to",
        r"A = P \left(1 + \frac{r}{n}\right)^{nt}",
        ("For very frequent payments it comes close to $P e^{rt}$.",),
    ),
    _Formula(
        r"gauss(?:ian)? sum|sum of the first n|1\s*\+\s*2\s*\+\s*3\s*\+\s*(?:\.\.\.|…)",
        "The sum of the first n numbers",
        "The first $n$ whole numbers add up to",
        r"\sum_{k=1}^{n} k = \frac{n(n+1)}{2}",
        ("Pair the first with the last, the second with the last but one: each pair makes $n + 1$.",),
    ),
    _Formula(
        r"e\s*=\s*mc|mass[- ]energy",
        "Mass and energy",
        "Einstein's best-known equation says that mass is a form of energy:",
        r"E = mc^2",
        ("One gram of matter corresponds to some $9 \\times 10^{13}$ joules.",),
    ),
    _Formula(
        r"maxwell",
        "Maxwell's equations",
        "In a vacuum Maxwell's equations read",
        r"\begin{aligned} \nabla \cdot E &= 0 & \nabla \cdot B &= 0 \\ \nabla \times E &= -\frac{\partial "
        r"B}{\partial t} & "
        r"\nabla \times B &= \frac{1}{c^2} \frac{\partial E}{\partial t} \end{aligned}",
        ("Together they say that light is a wave of electric and magnetic fields.",),
    ),
)
_ALWAYS = re.compile(r"\b(?:latex|formula|equation|theorem|identity|math\w*|derive|prove|notation)\b")


def explain(question: Question) -> Draft | None:
    """Explain a formula that the question names."""
    lower = question.lower.replace("’", "'")
    if len(lower) > 400:
        return None
    for formula in _FORMULAS:
        if re.search(formula.pattern, lower):
            # Subjects that are also explained in words get their formula when there is a wish for one.
            if formula.pattern in _IN_WORDS_TOO and not _ALWAYS.search(lower):
                return None
            if re.search(r"\b(?:code|function|script|python)\b", lower):
                return None
            if re.search(rf"(?:{formula.pattern}) (?:of|for) [-\d]", lower):
                return None
            return Draft(
                lead=formula.lead,
                block=f"$$\n{formula.latex}\n$$",
                more=formula.more,
                title=formula.title,
                data={"name": formula.title, "latex": formula.latex},
            )
    return None


_IN_WORDS_TOO = frozenset(
    {"gradient descent", "attention", r"standard deviation|\bvariance\b", r"cosine similarity", r"circumference"}
)
