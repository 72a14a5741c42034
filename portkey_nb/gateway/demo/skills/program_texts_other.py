"""Programs in other languages that the simulated models know by heart."""

from __future__ import annotations

from collections.abc import Sequence

from portkey_nb.gateway.demo.skills.program_kind import Program

__all__ = ["OTHERS"]

OTHERS: Sequence[Program] = (
    Program(
        r"quick ?-?sort|merge ?-?sort|bubble ?-?sort|\bsort",
        "Sorting in JavaScript",
        "JavaScript sorts by a comparison that you give it:",
        """const numbers = [5, 2, 10, 1];

numbers.sort((a, b) => a - b);
console.log(numbers); // [ 1, 2, 5, 10 ]""",
        ("Without the comparison it would sort them as texts, 10 before 2.",),
        "javascript",
    ),
    Program(
        r"\b(?:top|best|biggest|largest)\b.*\bcustomers?\b|\bcustomers?\b.*\b(?:most|top|highest)\b",
        "The top customers",
        "This sums up the orders of each customer and keeps the largest:",
        """SELECT c.customer_id,
       c.name,
       SUM(o.total) AS revenue
FROM customers AS c
JOIN orders AS o ON o.customer_id = c.customer_id
GROUP BY c.customer_id, c.name
ORDER BY revenue DESC
LIMIT 5;""",
        ("Change LIMIT for more or fewer.", "Customers without an order do not appear, as the join is an inner one."),
        "sql",
    ),
    Program(
        r"hello,? world",
        "Hello, world",
        "Hello, world in the shell:",
        'echo "Hello, world!"',
        (),
        "bash",
    ),
    Program(
        r"hello,? world",
        "Hello, world",
        "Hello, world in C++:",
        '#include <iostream>\n\nint main() {\n    std::cout << "Hello, world!\\n";\n}',
        (),
        "cpp",
    ),
    Program(
        r"hello,? world",
        "Hello, world",
        "Hello, world in Go:",
        'package main\n\nimport "fmt"\n\nfunc main() {\n    fmt.Println("Hello, world!")\n}',
        (),
        "go",
    ),
    Program(
        r"hello,? world",
        "Hello, world",
        "Hello, world in Rust:",
        'fn main() {\n    println!("Hello, world!");\n}',
        (),
        "rust",
    ),
    Program(
        r"hello,? world",
        "Hello, world",
        "Hello, world in Java:",
        """public class Hello {
    public static void main(String[] args) {
        System.out.println("Hello, world!");
    }
}""",
        (),
        "java",
    ),
    Program(
        r"hello,? world",
        "Hello, world",
        "Hello, world in JavaScript:",
        'console.log("Hello, world!");',
        (),
        "javascript",
    ),
    Program(
        r"second (?:highest|largest)|top \d+|top (?:three|five|ten)|highest|most",
        "The largest per group",
        "A window function ranks the rows:",
        """SELECT name, department, salary
FROM (
    SELECT name, department, salary,
           DENSE_RANK() OVER (PARTITION BY department ORDER BY salary DESC) AS place
    FROM employees
) AS ranked
WHERE place <= 3
ORDER BY department, place;""",
        ("DENSE_RANK gives equal salaries the same place.",),
        "sql",
    ),
    Program(
        r"duplicate",
        "Duplicates",
        "Group, and keep the groups with more than one row:",
        """SELECT email, COUNT(*) AS n
FROM users
GROUP BY email
HAVING COUNT(*) > 1
ORDER BY n DESC;""",
        ("HAVING filters groups, WHERE filters rows.",),
        "sql",
    ),
    Program(
        r"join",
        "A join",
        "This joins orders to their customers:",
        """SELECT c.name, COUNT(o.id) AS orders, COALESCE(SUM(o.total), 0) AS revenue
FROM customers AS c
LEFT JOIN orders AS o ON o.customer_id = c.id
GROUP BY c.id, c.name
ORDER BY revenue DESC;""",
        ("The LEFT JOIN keeps customers without orders.",),
        "sql",
    ),
    Program(
        r"sql|query",
        "A query",
        "Here is a query that sums up by month:",
        """SELECT strftime('%Y-%m', ordered_at) AS month,
       COUNT(*) AS orders,
       ROUND(SUM(total), 2) AS revenue
FROM orders
WHERE ordered_at >= DATE('now', '-12 months')
GROUP BY month
ORDER BY month;""",
        ("The date functions are SQLite's; PostgreSQL has date_trunc.",),
        "sql",
    ),
    Program(
        r"debounce|revers|fizz|fetch|function",
        "JavaScript",
        "In JavaScript this could be:",
        """function reverseString(text) {
  return [...text].reverse().join("");
}

console.log(reverseString("notebook")); // koobeton""",
        ("Spreading the string keeps characters outside the basic plane whole.",),
        "javascript",
    ),
    Program(
        r"count|files|lines|find|rename|loop",
        "A shell script",
        "In the shell:",
        """#!/usr/bin/env bash
set -euo pipefail

# Lines of every Python file below this folder, the longest last.
find . -name '*.py' -print0 | xargs -0 wc -l | sort -n""",
        ("`-print0` and `-0` keep names with blanks whole.",),
        "bash",
    ),
)
