#!/usr/bin/env python3
"""The statements that co_await_forms.py must tell apart, each in the body of a coroutine."""

import sys

import co_await_forms

GOOD = r"""
co_await f();
co_await std::move(future);
co_await sleep_for(loop, 5ms);
T x = co_await f();
auto x = co_await f();
const auto x = co_await f();
auto& x = co_await f();
auto&& x = co_await f();
std::optional<Bytes> chunk = co_await stream_.read_some();
std::pair<int, std::string> both = co_await f();
std::function<void(int)> call = co_await f();
std::vector<std::unique_ptr<Stream>>& all = co_await f();
const ioa::Stream* s = co_await f();
[[maybe_unused]] T x = co_await f();
x = co_await f();
x_ = co_await f();
self.x = co_await f();
this->x = co_await f();
x[i] = co_await f();
x.y[i + 1]->z = co_await f();
*out = co_await f();
co_return co_await f();
co_await f(named, std::move(owned), "literal", std::string("x"));
co_await f("brace { and ? and [&] in a string", '{', '?');
co_await f(R"(raw { ? [] ")" );
co_await f(1'000, 'x');
co_await f(/* { ? [] */ a);
co_await f(  // an option {
    a);
co_await f(a[i], b()[0], (c)[1]);
co_await f(x < 3, y > 2, a & b, a | b);
co_await f(co_await g());
T x = co_await f(co_await g(), co_await h());
if (ok) co_await f();
if (a && (b || c)) x = co_await f();
if (ready()) co_await f();
if (a.ready(1) && (b() || c(d()))) T x = co_await f();
if (ok) { co_await f(); } else co_await g();
if (ok) co_await f(); else if (no) co_await g();
if (x == T{}) co_await f();
for (;;) co_await f();
for (auto& x : list) co_await x.f();
for (int i = 0; i < 3; ++i) { T x = co_await f(i); }
while (more) co_await f();
do co_await f(); while (more);
do { co_await f(); } while (more);
switch (n) { case 1: co_await f(); break; case K::two: co_return co_await g(); default: co_await h(); }
retry: co_await f();
try { co_await f(); } catch (const Error& e) { report(e); }
T x{}; co_await f();
Opt o{1, 2}; T x = co_await f(std::move(o));
{ { co_await f(); } }
auto run = [](Loop& loop) -> Future<> { co_await f(loop); };
// if (co_await f()) in a comment
/* T x{co_await f()}; */
log("if (co_await f())");
#define AWAIT(x) if (co_await x)
auto operator co_await() const;
"""

BAD = r"""
if (co_await f()) g();
if (!co_await f()) g();
if (x && co_await f()) g();
if (T x = co_await f()) g();
while (co_await f()) g();
while (auto x = co_await f()) g();
do { g(); } while (co_await f());
switch (co_await f()) { default: g(); }
for (; co_await f();) g();
for (auto x = co_await f(); x; ) g();
for (a; co_await b; ) g();
for (a; b; co_await c) g();
for (auto& x : co_await f()) g(x);
if (ok) if (co_await f()) g();
co_await connect({.host = h});
co_await f(Opt{h, 1});
co_await f(Opt{});
T x = co_await f({1, 2});
x = co_await f(std::vector<int>{1});
co_return co_await f(T{});
co_await T{}.run();
co_await Obj{a}.run();
co_await f([&] { g(); });
co_await f([owned] { g(); });
co_await f([](int) { return 1; });
co_await f(a, [=](int x) { return x; });
co_await [&]() -> Future<> { co_return; }();
co_await f(std::function<void()>([n] { g(n); }));
Pair p{co_await a(), co_await b()};
auto p = Pair{co_await a(), co_await b()};
T x{co_await f()};
T x(co_await f());
co_return T{co_await f()};
T x = c ? co_await f() : T{};
T x = co_await (c ? f() : g());
x = co_await f(c ? 1 : 2);
co_return c ? co_await f() : T();
throw E(co_await f());
throw co_await f();
f(co_await g());
EXPECT_EQ(co_await f(), 1);
EXPECT_TRUE(co_await f());
auto [a, b] = co_await f();
auto& [a, b] = co_await f();
const auto [a, b] = co_await f();
x().y = co_await f();
x += co_await f();
x = y + co_await f();
T x = T{} + co_await f();
T x = !co_await f();
T x = *co_await f();
T x = (co_await f()).y;
T x = std::move(co_await f());
T x = static_cast<T>(co_await f());
int x = 1, y = co_await f();
(void)co_await f();
static_cast<void>(co_await f());
x[co_await f()] = 1;
a = b = co_await f();
T x = co_await f() && co_await g();
x = co_await f() || g();
co_return f(co_await g());
co_return !co_await f();
co_await f(1, // a comment
           Opt{2});
return co_await f() ? 1 : 2;
delete co_await f();
new T(co_await f());
"""


def statements(table):
    """Splits a table into its entries; a line that is indented continues the one before."""
    entries = []
    for line in table.strip("\n").split("\n"):
        if line.startswith(" "):
            entries[-1] += "\n" + line
        else:
            entries.append(line)
    return entries


def main():
    failures = []
    for table, expected in ((GOOD, False), (BAD, True)):
        for entry in statements(table):
            source = f"Future<T> coroutine() {{\n  int before = 0;\n{entry}\n  co_return;\n}}\n"
            breaches = list(co_await_forms.check(source))
            if bool(breaches) != expected:
                failures.append(f"{'accepted' if expected else 'refused'}: {entry} {breaches}")
    # The line reported is the one a person looks for.
    source = "Future<> f() {\n  // one\n  /* two\n  three */\n  if (co_await g()) h();\n}\n"
    if list(co_await_forms.check(source)) != [(5, "co_await inside parentheses or brackets")]:
        failures.append("wrong line number")
    for failure in failures:
        print(failure)
    print(f"{len(statements(GOOD))} good and {len(statements(BAD))} bad: {len(failures)} misjudged")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
