#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Finds the expressions with co_await that g++ 12.2 silently miscompiles.

g++ 12 copies some temporaries of a full expression with co_await bit by bit and destroys them twice.
This text-based check refuses what those temporaries look like, in the same full expression:

  * a lambda that captures;
  * a braced list or braced temporary: f({...}), T{...};
  * a conditional operator (the text does not say whether its type is a class);
  * new T(co_await ...).

It also makes the coroutine's frame too small, and so corrupts the heap, where a condition awaits
(`if (co_await f())`, `while (co_await f() == 3)`, `switch`, the middle of a `for`). A condition that
declares a variable (`while (auto x = co_await f())`) is right.

The remedy is always the same: give the temporary, or the condition's value, a name on a line before,
and std::move it; a named object is initialised with parentheses. Numbers, durations and views of the standard library (TRIVIAL)
are safe. Where another temporary is, since its type is trivially destructible, a comment on the
statement says so:

    // coroutine-check: trivially destructible

Usage: check_coroutines.py [--self-test] [FILE...]
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("include", "examples", "tests", "bench")
ALLOWED = "coroutine-check: trivially destructible"
REMEDY = "name it on a line before and std::move it (g++ 12 destroys it twice)"

TOKEN = re.compile(
    r"""(?P<comment>//(?:\\\n|[^\n])*|/\*.*?\*/)
      | (?P<raw>(?:u8|[uUL])?R"(?P<delimiter>[^\s()\\]{0,16})\(.*?\)(?P=delimiter)")
      | (?P<directive>^[ \t]*\#(?:\\\n|[^\n])*)
      | (?P<text>(?:u8|[uUL])?"(?:\\.|[^"\\\n])*"|(?:u8|[uUL])?'(?:\\.|[^'\\\n])+')
      | (?P<number>\.?[0-9](?:[eEpP][+-]|'[0-9a-zA-Z]|[\w.])*)
      | (?P<word>[A-Za-z_]\w*)
      | (?P<operator>->|::|&&|\|\||[^\s\w])""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)

PAIRS = {"(": ")", "[": "]", "{": "}"}
CONTROL = {"if", "for", "while", "switch", "catch", "constexpr"}
SPECIFIERS = {"const", "noexcept", "mutable", "override", "final", "else", "do", "try"}
DECLARATIONS = {"struct", "class", "union", "enum", "namespace", "extern"}

# Types of the standard library that are trivially destructible, whatever they hold.
TRIVIAL = {"byte", "size_t", "string_view", "span"}
TRIVIAL |= {f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)}
TRIVIAL |= {"nanoseconds", "microseconds", "milliseconds", "seconds", "minutes", "hours"}


@dataclass
class Token:
    """One token, its line, and, for a bracket, where its partner stands."""

    text: str
    line: int
    word: bool = False
    partner: int = -1
    block: bool = False  # of a brace: it holds statements, not a list of values
    captures: bool = False  # of a lambda's '[': it is not empty


@dataclass
class Source:
    """The tokens of a file and the lines that the allow-comment covers."""

    tokens: list[Token] = field(default_factory=list)
    allowed: set[int] = field(default_factory=set)


def read(text: str) -> Source:
    """Splits C++ into tokens, without comments, preprocessor lines and the inside of literals."""
    source = Source()
    line, position = 1, 0
    for match in TOKEN.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        kind = match.lastgroup
        if match["comment"] is not None:
            if match["comment"].strip("/* \t").startswith(ALLOWED):
                source.allowed.add(line)
        elif match["directive"] is None:
            shown = '""' if match["raw"] or match["text"] else match[0]
            source.tokens.append(Token(shown, line, kind == "word"))
    return source


def pair(tokens: list[Token]) -> None:
    """Finds the partner of each bracket; one without a partner stands for itself."""
    open_brackets: list[int] = []
    for i, token in enumerate(tokens):
        if token.text in PAIRS:
            open_brackets.append(i)
        elif token.text in PAIRS.values():
            # Branches of #if may open twice what is closed once: drop what does not fit.
            while open_brackets and PAIRS[tokens[open_brackets[-1]].text] != token.text:
                open_brackets.pop()
            if open_brackets:
                start = open_brackets.pop()
                tokens[start].partner, token.partner = i, start


def text_at(tokens: list[Token], i: int) -> str:
    """The text of token i; empty outside of the file."""
    return tokens[i].text if 0 <= i < len(tokens) else ""


def is_lambda(tokens: list[Token], i: int) -> bool:
    """Whether the '[' at i begins a lambda: not a subscript, an attribute or a binding."""
    before, after = text_at(tokens, i - 1), text_at(tokens, i + 1)
    if tokens[i].partner < 0 or after == "[" or before == "[":
        return False
    if before in {"return", "co_return", "co_await", "co_yield", "case", "else", "throw"}:
        return True
    if before in {")", "]", '""', "auto", "operator", "delete"} or (i and tokens[i - 1].word):
        return False
    while before in {"&", "&&"}:
        i -= 1
        before = text_at(tokens, i - 1)
        if before == "auto":
            return False
    return True


def body_of_lambda(tokens: list[Token], i: int) -> int:
    """The '{' of the lambda whose '[' stands at i, or -1."""
    j = tokens[i].partner + 1
    while j < len(tokens) and tokens[j].text not in {";", ")", "]", "}"}:
        if tokens[j].text == "{":
            return j if tokens[j].partner >= 0 else -1
        j = tokens[j].partner + 1 if tokens[j].partner > j else j + 1
    return -1


def head_of(tokens: list[Token], i: int) -> int:
    """The first token of the statement or declaration that the '{' at i belongs to."""
    j = i - 1
    while j >= 0 and tokens[j].text not in {";", "{"}:
        if tokens[j].text == "}" and (tokens[j].partner < 0 or tokens[tokens[j].partner].block):
            break
        j = tokens[j].partner - 1 if 0 <= tokens[j].partner < j else j - 1
    return j + 1


def without_template(head: list[str]) -> list[str]:
    """The words of a declaration after `template <...>`, whose default arguments have an '='."""
    if head[:2] != ["template", "<"]:
        return head
    depth = 0
    for i, word in enumerate(head[1:], start=1):
        depth += {"<": 1, ">": -1, ">>": -2}.get(word, 0)
        if depth <= 0:
            return head[i + 1 :]
    return head


def is_block(tokens: list[Token], i: int) -> bool:
    """Whether the '{' at i holds statements or members, judged by what stands before it."""
    before = text_at(tokens, i - 1)
    if before in {"", ";", "{", "}", ":"} or before in SPECIFIERS:
        return True  # "{" and ":" only where the outer brace is a block, see classify()
    if before == ")":
        opening = tokens[i - 1].partner
        return text_at(tokens, opening - 1) != "decltype"
    if before in {"&", "&&"}:
        return text_at(tokens, i - 2) == ")"  # a ref-qualified member function
    head = without_template([token.text for token in tokens[head_of(tokens, i) : i]])
    if "(" not in head and "=" not in head and DECLARATIONS & set(head):
        return True
    if "requires" in head and "=" not in head:  # void f() requires Small<T> {
        return True
    if "->" in head:  # auto f(...) -> type {
        last = len(head) - 1 - head[::-1].index("->")
        after = set(head[last + 1 :])
        return last > 0 and head[last - 1] in {")", "noexcept", "const"} and not after & {"(", "="}
    return False


def classify(tokens: list[Token]) -> None:
    """Tells blocks from braced lists, and marks the lambdas."""
    bodies: set[int] = set()
    for i, token in enumerate(tokens):
        if token.text == "[" and is_lambda(tokens, i):
            body = body_of_lambda(tokens, i)
            if body >= 0:
                bodies.add(body)
                token.captures = token.partner > i + 1
    outer: list[bool] = []  # of each open bracket: does it hold statements?
    for i, token in enumerate(tokens):
        if token.text == "{" and token.partner >= 0:
            inside_list = bool(outer) and not outer[-1]
            token.block = i in bodies or (not inside_list and is_block(tokens, i))
            outer.append(token.block)
        elif token.text in {"(", "["} and token.partner >= 0:
            outer.append(False)
        elif token.text in PAIRS.values() and token.partner >= 0 and outer:
            outer.pop()


def full_expressions(tokens: list[Token], start: int, end: int) -> list[list[int]]:
    """The statements in [start, end), as token indices; what a lambda's body holds stands apart."""
    found: list[list[int]] = []
    current: list[int] = []

    def flush() -> None:
        nonlocal current
        if current:
            found.append(current)
        current = []

    depth_of_list: list[int] = []
    i = start
    while i < end:
        token = tokens[i]
        if token.text == "{" and token.block:
            nested = full_expressions(tokens, i + 1, token.partner)
            lambda_body = bool(depth_of_list) or any(
                tokens[k].text == "[" and body_of_lambda(tokens, k) == i and is_lambda(tokens, k)
                for k in current
            )
            found.extend(nested)
            i = token.partner + 1
            if not lambda_body:
                flush()
            continue
        if token.text == "(" and token.partner > i and not depth_of_list:
            before = text_at(tokens, i - 1)
            if before in CONTROL:
                flush()
                found.extend(full_expressions(tokens, i + 1, token.partner))
                i = token.partner + 1
                continue
        if token.text in PAIRS and token.partner > i:
            depth_of_list.append(token.partner)
        elif depth_of_list and i == depth_of_list[-1]:
            depth_of_list.pop()
        if token.text == ";" and not depth_of_list:
            flush()
        else:
            current.append(i)
        i += 1
    flush()
    return found


def is_trivial(tokens: list[Token], i: int) -> bool:
    """Whether the '{' at i makes a std:: temporary of a type in TRIVIAL, such as std::span<T>{...}."""
    i -= 1
    if text_at(tokens, i) == ">":
        depth = 0
        while i >= 0 and tokens[i].text not in {";", "{", "}"}:
            depth += {">": 1, "<": -1}.get(tokens[i].text, 0)
            i -= 1
            if depth == 0:
                break
    return text_at(tokens, i) in TRIVIAL and text_at(tokens, i - 1) == "::"


def awaiting_conditions(tokens: list[Token]) -> list[list[int]]:
    """The conditions that contain co_await and declare nothing, as token indices."""
    found: list[list[int]] = []
    for i, token in enumerate(tokens):
        if token.text not in {"if", "while", "switch", "for"} or text_at(tokens, i + 1) != "(":
            continue
        parts: list[list[int]] = [[]]  # between the semicolons of (init; condition; step)
        own: list[int] = []  # of the part that is being read: not inside of brackets or a lambda
        owns: list[list[int]] = [own]
        k, end = i + 2, tokens[i + 1].partner
        while k < end:
            if tokens[k].text == ";":
                own = []
                parts.append([])
                owns.append(own)
            elif tokens[k].text == "{" and tokens[k].block:
                k = tokens[k].partner
            elif tokens[k].text in PAIRS and tokens[k].partner > k:
                inner = range(k, tokens[k].partner + 1)
                blocks = [range(b, tokens[b].partner) for b in inner if tokens[b].block]
                parts[-1] += [b for b in inner if not any(b in block for block in blocks)]
                k = tokens[k].partner
            else:
                parts[-1].append(k)
                own.append(k)
            k += 1
        which = 1 if token.text == "for" else -1
        if token.text == "for" and len(parts) != 3:  # for (auto x : co_await f())
            continue
        condition, names = parts[which], owns[which]
        if not any(tokens[k].text == "co_await" for k in condition):
            continue
        around = {"=", "!", "<", ">"}
        declares = any(
            tokens[k].text == "="
            and text_at(tokens, k - 1) not in around
            and text_at(tokens, k + 1) != "="
            for k in names
        )
        if not declares:
            found.append(condition)
    return found


def complaints(tokens: list[Token], expression: list[int]) -> list[tuple[int, str]]:
    """What is wrong with one full expression, as (line, sentence)."""
    awaits = [i for i in expression if tokens[i].text in {"co_await", "co_yield"}]
    if not awaits:
        return []
    found: list[tuple[int, str]] = []
    for i in expression:
        token = tokens[i]
        if token.text == "[" and token.captures:
            found.append((token.line, "a capturing lambda"))
        elif token.text == "{" and not token.block and not is_trivial(tokens, i):
            found.append((token.line, "a braced list or temporary"))
        elif token.text == "?":
            found.append((token.line, "a conditional operator"))
        elif token.text == "new" and any(k > i for k in awaits):
            found.append((token.line, "'new' with an awaited argument"))
    return found


def check(name: str, text: str) -> list[str]:
    """All complaints about one file, as `file:line: ...`."""
    source = read(text)
    tokens = source.tokens
    pair(tokens)
    classify(tokens)
    errors: list[str] = []
    for expression in full_expressions(tokens, 0, len(tokens)):
        first = min(tokens[i].line for i in expression)
        last = max(tokens[i].line for i in expression)
        if source.allowed & set(range(first - 1, last + 1)):
            continue
        for line, what in complaints(tokens, expression):
            errors.append(f"{name}:{line}: {what} in an expression with co_await: {REMEDY}")
    for condition in awaiting_conditions(tokens):
        line = tokens[condition[0]].line
        errors.append(f"{name}:{line}: a condition that awaits: name its value on a line before")
    return errors


BAD = [
    "co_await f([x] { return x; });",
    "co_await f([&x, y = z] { return y; });",
    "auto a = co_await f(T{1, 2});",
    "auto a = co_await f({1, 2});",
    "co_await f(T{.a = 1});",
    "co_await stage<int>{}(x);",
    "co_return co_await f(std::vector<int>{1});",
    "co_return T{co_await g()};",
    "std::vector<int> v{co_await a(), co_await b()};",
    "co_await f(c ? T() : T(1));",
    'co_await f(c\n  ? T()\n  : T("co"));',
    "auto p = new T(co_await g());",
    "if (co_await f(T{1})) g();",
    "for (int i = co_await f({1}); i < 3; ++i) g();",
    "for (auto x : co_await f({1})) g();",
    "while (co_await f([=] { return 1; })) { g(); }",
    "switch (co_await f(T{})) { case 1: break; }",
    "co_spawn(ex, []() -> awaitable<void> { co_await f(T{1}); }, detached);",
    "auto task = [x]() -> awaitable<void> { co_await f(T{x}); };",
    "CHECK(co_await f() == T{1});",
    "// a comment\n/* coroutine-check: something else */ co_await f(T{1});",
    "} struct S { awaitable<void> f(T t) requires Small<T> { co_await h({}); } }; {",
    "SUBCASE(\"x\") { co_await f(T{1}); }",
    "do { g(); } while (co_await f(T{1}));",
    "co_await f(std::vector<std::span<int>>{});",
    "co_await f(std::span{T{1}});",
    "asio::steady_timer pause{co_await asio::this_coro::executor};",
    "if (co_await f()) { g(T{1}); }",
    "if (co_await f()) g(T{1});",
    "if (!co_await f()) g();",
    "if ((co_await f()).has_value()) g();",
    "if (int x = 1; co_await f(x) == 3) g();",
    "if (g(co_await f()) <= 3) g();",
    "while (co_await f()) {}",
    "while (x && co_await f()) g();",
    "do { g(T{1}); } while (co_await f());",
    "for (int i = 0; co_await f(i); ++i) g();",
    "switch (co_await f()) { case 1: break; }",
]

GOOD = [
    "template <class D, class V = typename D::door> class C { A f() { co_await g(); } A h{1}; };",
    "T t{1, 2}; co_await f(std::move(t));",
    "co_await f([] { return T{1}; });",
    "co_await f([]() -> T { return c ? T{1} : T{2}; });",
    'co_await f("{?}", \'{\', R"x(T{1} ? [a]{})x");',
    "// co_await f(T{1});",
    "/* co_await f(T{1}); */ co_await g();",
    "auto t = T{1}; co_await f(t);",
    "if (x) { co_await f(); }",
    "if (auto x = co_await f()) { g(T{1}); }",
    "if (const T x = co_await f(); x == 3) g(T{1});",
    "while (auto x = co_await f()) g(T{1});",
    "for (int i = co_await f(); i < 3; i = co_await f()) g();",
    "if (run([]() -> A { co_await f(); })) g();",
    "for (auto x : co_await f()) { g({x}); }",
    "auto [a, b] = co_await f();",
    "auto&& [a, b] = co_await f();",
    "co_await f(a[i], b[j]);",
    "int x = c ? 1 : 2; co_await f(x);",
    "co_return T{1};",
    "struct S { int a{1}; T b = T{2}; }; co_await f();",
    "try { co_await f(); } catch (const E& e) { g(T{1}); }",
    "switch (x) { case 1: co_await f(); break; default: g(T{1}); }",
    "auto task = [x, y]() -> awaitable<std::vector<int>> { co_await f(x); };",
    "co_spawn(ex, [x]() -> awaitable<void> { co_await f(x); }, detached);",
    "co_await f(T{1});  // coroutine-check: trivially destructible",
    "// coroutine-check: trivially destructible\nco_await f(std::span{a});",
    "co_await (f() || g());",
    "co_await f(std::chrono::milliseconds{100}, std::byte{1}, std::uint64_t{});",
    "co_await f(std::span<const std::array<std::byte, 2>>{a});",
    "asio::steady_timer pause(co_await asio::this_coro::executor);",
    "} struct S { awaitable<void> f(T t) requires T::small { if (x) { g({}); } co_await h(); } }; {",
    "else_(); auto p = new T(1); co_await f(p);",
]


def self_test() -> list[str]:
    """Shows that the broken shapes are found and their named forms are not."""
    wrong: list[str] = []
    frame = "namespace n {{\nawaitable<void> run(int x) noexcept {{\n{}\n}}\n}}\n"
    for refused, samples in ((True, BAD), (False, GOOD)):
        for sample in samples:
            errors = check("sample", frame.format(sample))
            if bool(errors) != refused:
                wrong.append(f"self-test: expected refused={refused}: {sample}: {errors}")
    return wrong


def main() -> int:
    """Prints each complaint; returns the exit code."""
    arguments = sys.argv[1:]
    if "--self-test" in arguments:
        errors = self_test()
    else:
        named = [Path(argument) for argument in arguments]
        files = named or [
            path
            for folder in FOLDERS
            for path in sorted((ROOT / folder).rglob("*"))
            if path.suffix in {".hpp", ".cpp"}
        ]
        errors = [e for path in files for e in check(str(path), path.read_text(encoding="utf-8"))]
    for error in errors:
        print(error)
    print(f"check_coroutines: {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
