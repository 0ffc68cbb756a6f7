// Templates come from strangers: whatever they hold, rendering ends soon, with text or one error.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "text/chat_template.h"
#include "text/jinja/rendering.h"

namespace attune::text::jinja {
namespace {

std::string times(const std::string& text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

Result<Rendered> render(const std::string& source, const Limits& limits = {}) {
  ParsedTemplate parsed = TRY(parse_template(source));
  return Rendering(parsed, limits, std::tm{}).run({});
}

void expect_error(const std::string& source, const std::string& part, const Limits& limits = {}) {
  auto rendered = render(source, limits);
  ASSERT_FALSE(rendered.ok()) << source.substr(0, 80);
  EXPECT_NE(rendered.error().message().find(part), std::string::npos) << rendered.error().message();
  EXPECT_NE(rendered.error().message().find("template line "), std::string::npos)
      << rendered.error().message();
}

constexpr Limits kSmall = {.steps_max = 100'000, .bytes_max = 1 << 20, .output_bytes_max = 1 << 16};

TEST(TemplateLimits, EndlessLoops) {
  expect_error("{% for i in range(10 ** 9) %}{% endfor %}", "a range has more than");
  std::string nested = "{% for i in range(999) %}";
  expect_error(times(nested, 5) + times("{% endfor %}", 5), "steps", {.steps_max = 50'000});
  expect_error(times(nested, 3) + "x" + times("{% endfor %}", 3), "", kSmall);
}

TEST(TemplateLimits, GrowingText) {
  std::string doubling = "{% set n = namespace(t='ab') %}{% for i in range(90) %}";
  expect_error(doubling + "{% set n.t = n.t ~ n.t %}{% endfor %}", "MiB", kSmall);
  expect_error(doubling + "{% set n.t = n.t + n.t %}{% endfor %}", "MiB", kSmall);
  expect_error(doubling + "{% set n.t = n.t * 2 %}{% endfor %}", "MiB", kSmall);
  expect_error(doubling + "{% set n.t = [n.t, n.t] %}{% endfor %}{{ n.t }}", "MiB", kSmall);
  expect_error(doubling + "{% set n.t = [n.t, n.t] %}{% endfor %}{{ n.t | tojson }}", "MiB",
               kSmall);
  expect_error(doubling + "{% set n.t = n.t | replace('a', n.t) %}{% endfor %}", "MiB", kSmall);
  expect_error("{{ 'a' * 10 ** 12 }}", "MiB");
  expect_error("{{ 'a' | center(10 ** 12) }}", "MiB");
  expect_error("{{ 'a\nb' | indent(10 ** 12) }}", "MiB");
  expect_error("{{ [1] | tojson(indent=10 ** 12) }}", "MiB");
  expect_error("{{ [1] | batch(10 ** 12, 0) | list }}", "steps");
  expect_error("{{ '%999999999d' % 1 }}", "wider");
  expect_error("{{ ([0] * 10 ** 12) | length }}", "MiB");
}

TEST(TemplateLimits, SharedListsAreNotWalkedForever) {
  std::string two = "{% set n = namespace(a=[1], b=[1]) %}{% for i in range(60) %}"
                    "{% set n.a = [n.a, n.a] %}{% set n.b = [n.b, n.b] %}{% endfor %}";
  expect_error(two + "{{ n.a == n.b }}", "steps", kSmall);
  expect_error(two + "{{ n.a < n.b }}", "steps", kSmall);
}

TEST(TemplateLimits, KeysAreNotWalkedForever) {
  std::string two = "{% set n = namespace(a=(1,), b=(1,)) %}{% for i in range(60) %}"
                    "{% set n.a = (n.a, n.a) %}{% set n.b = (n.b, n.b) %}{% endfor %}";
  for (const char* use : {"{{ {n.a: 1} }}", "{{ {}[n.a] }}", "{{ n.a in {} }}",
                          "{{ dict([(n.a, 1)]) }}", "{{ [n.a] | unique | list }}",
                          "{{ {}.get(n.a) }}"}) {
    expect_error(two + use, "steps", kSmall);
  }
  std::string numbers = "{% set d = {";
  for (int i = 0; i < 300; ++i) numbers += fmt::format("{}: 0, ", i);
  numbers += "} %}";
  ASSERT_TRUE(render(numbers, kSmall).ok()) << render(numbers, kSmall).error().message();
  // Numbers are found by walking: 20 copies of 300 keys are 20 * 300 * 300 / 2 comparisons.
  std::string twenty = "{% for i in range(20) %}";
  expect_error(numbers + twenty + "{% set e = dict(d) %}{% endfor %}", "steps", kSmall);
  expect_error(numbers + "{% set e = dict(d) %}" + twenty + "{{ d == e }}{% endfor %}", "steps",
               kSmall);
}

TEST(TemplateLimits, DeepValues) {
  expect_error("{% set n = namespace(a=[]) %}{% for i in range(9999) %}{% set n.a = [n.a] %}"
               "{% endfor %}", "deeper");
  expect_error("{% set n = namespace(a={}) %}{% for i in range(9999) %}{% set n.a = {'k': n.a} %}"
               "{% endfor %}", "deeper");
  expect_error("{% set n = namespace(a=[]) %}{% for i in range(9999) %}{% for j in [n.a] %}"
               "{% set n.a = loop %}{% endfor %}{% endfor %}", "deeper");
}

TEST(TemplateLimits, DeepCalls) {
  expect_error("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "deep");
  expect_error("{% macro m() %}{% call m() %}{% endcall %}{{ caller() }}{% endmacro %}{{ m() }}",
               "");
  expect_error("{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", "deep");
}

TEST(TemplateLimits, DeepSource) {
  expect_error("{{ " + times("(", 5000) + "1" + times(")", 5000) + " }}", "nesting");
  expect_error("{{ " + times("[", 5000) + times("]", 5000) + " }}", "nesting");
  expect_error("{{ " + times("-", 5000) + "1 }}", "signs");
  expect_error("{{ " + times("not ", 5000) + "1 }}", "deep");
  expect_error("{{ 1" + times(" + 1", 5000) + " }}", "deep");
  expect_error("{{ x" + times(".a", 5000) + " }}", "deep");
  expect_error("{{ x" + times("|d", 5000) + " }}", "deep");
  expect_error("{{ 1" + times(" if 1 else 1", 5000) + " }}", "nesting");
  expect_error(times("{% if 1 %}", 5000) + times("{% endif %}", 5000), "nesting");
  expect_error("{% for " + times("(", 5000) + "a" + times(")", 5000) + " in x %}{% endfor %}",
               "parentheses");
  EXPECT_TRUE(render("{{ " + times("(", 50) + "1" + times(")", 50) + " }}").ok());
}

TEST(TemplateLimits, ValuesThatHoldThemselves) {
  auto rendered = render(
      "{% set n = namespace() %}{% set n.n = n %}{% set n.l = [n] %}{{ n.l }}"
      "{% for i in [1] %}{{ loop.changed(loop) }}{% set n.x = loop %}{% endfor %}");
  ASSERT_TRUE(rendered.ok()) << rendered.error().message();
  EXPECT_EQ(rendered->text, "[<Namespace>]True");
}

TEST(TemplateLimits, WhatOutlivesItsBlockIsRefused) {
  expect_error("{% set n = namespace() %}{% for i in [1] %}{% macro m() %}{{ i }}{% endmacro %}"
               "{% set n.m = m %}{% endfor %}{{ n.m() }}", "after the block");
}

TEST(TemplateErrors, NameTheLineAndTheWay) {
  auto message = [](const std::string& source) {
    auto rendered = render(source);
    return rendered.ok() ? "no error" : rendered.error().message();
  };
  EXPECT_EQ(message("a\n{{ x.y }}"), "template line 2: 'x' is undefined");
  EXPECT_EQ(message("a\n\n{% if 1 %}\n{{ 'a' + 1 }}{% endif %}"),
            "template line 4: + cannot be used between a str and a int; convert one of them, for "
            "example with `| string`");
  EXPECT_EQ(message("{{ 'a' | lenght }}"),
            "template line 1: there is no filter 'lenght'; did you mean 'length'?");
  EXPECT_EQ(message("\n{{ raise_exception('no') }}"),
            "template line 2: the template refuses this conversation: no");
  EXPECT_EQ(message("{% for x in y %}\n"),
            "template line 1: the template ends before {% endfor %}");
  EXPECT_EQ(message("{% set x.y = 1 %}"),
            "template line 1: x.y cannot be set: x is no namespace; make it with "
            "{% set x = namespace() %}");
}

// Pieces that make most random templates pass the parser.
rc::Gen<std::string> template_pieces() {
  std::vector<std::string> words = {
      "{{ ", " }}", "{% ", " %}", "{%- ", " -%}", "{#", "#}", "for ", "i ", "in ", "endfor", "if ",
      "else", "elif ", "endif", "set ", "= ", "endset", "macro m(a)", "endmacro", "m(1)", "raw ",
      "endraw", "x ", "'s' ", "1 ", "2.5 ", "[", "]", "(", ")", "{", "}", ":", ",", ".", "| ",
      "upper ", "list ", "tojson ", "sort ", "is ", "defined ", "not ", "and ", "or ", "~ ", "+ ",
      "* ", "** ", "loop.index ", "range(3) ", "namespace() ", "messages", "[0] ", "role", "\n",
      "text", "é", "generation", "endgeneration", "\\", "\"", "\xff", "-", "call ", "endcall"};
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(words)),
                      [](const std::vector<std::string>& pieces) {
                        std::string text;
                        for (const std::string& piece : pieces) text += piece;
                        return text;
                      });
}

TEST(TemplateProperties, RandomTemplatesNeverCrash) {
  EXPECT_TRUE(rc::check("random pieces", [] { (void)render(*template_pieces(), kSmall); }));
  EXPECT_TRUE(rc::check("random expressions", [] {
    (void)render("{{ " + *template_pieces() + " }}", kSmall);
  }));
  EXPECT_TRUE(rc::check("random bytes", [](const std::string& bytes) {
    (void)render(bytes, kSmall);
    (void)render("{{" + bytes + "}}", kSmall);
  }));
}

TEST(TemplateProperties, TextWithoutTagsStays) {
  EXPECT_TRUE(rc::check("plain text", [] {
    auto text = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab \n\t%}#-")));
    auto rendered = render(text);
    RC_ASSERT(rendered.ok());
    if (!text.empty() && text.back() == '\n') text.pop_back();
    RC_ASSERT(rendered->text == text);
  }));
}

TEST(TemplateProperties, SlicesFollowPython) {
  // A slice with step 1 is what str.substr gives after clamping, by characters.
  EXPECT_TRUE(rc::check("slices", [] {
    int from = *rc::gen::inRange(0, 9);
    int to = *rc::gen::inRange(0, 9);
    std::vector<std::string> letters = {"a", "é", "€", "😀", "b", "c"};
    std::string expected;
    for (int i = from; i < to && i < 6; ++i) expected += letters[static_cast<size_t>(i)];
    auto rendered = render(fmt::format("{{{{ 'aé€😀bc'[{}:{}] }}}}", from, to));
    RC_ASSERT(rendered.ok());
    RC_ASSERT(rendered->text == expected);
  }));
}

}  // namespace
}  // namespace attune::text::jinja
