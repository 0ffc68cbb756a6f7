"""Single features of the template language: (template, variables). Expected output comes from jinja2."""

M = [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"},
     {"role": "assistant", "content": "Yo"}, {"role": "user", "content": "Bye"}]
D = {"b": 1, "a": [1, 2.5, None, True], "c": {"k": "v", "é": "\n<"}}
V = {"messages": M, "d": D, "x": 3, "s": "Héllo wörld", "l": [3, 1, 2], "e": [], "n": None, "f": 2.5}

PRINTED = r"""
1 + 2 * 3 - 4 / 2
7 // 2, -7 // 2, 7 % 3, -7 % 3, 7 % -3
7.5 // 2, -7.5 % 2, 2 ** 10, 2 ** -1, 2 ** 3 ** 2, -2 ** 2
10 / 4, 10 / 5, 1e16, 1e15, 1e-5, 0.0001, 123456789.123, 1.0, 1e100, 0.1 + 0.2
1 / 0
1 // 0
1 % 0
9223372036854775807 - 1
1_000 + 0x1F + 0b11 + 0o17
'a' ~ 1 ~ none ~ true ~ 2.0 ~ [1, 'x'] ~ undefined_name
'a' + 1
'a' + 'b' 'c'
'ab' * 3, 2 * [1], 'x' * -1
[1] + [2], (1,) + (2, 3), ()
[1] + (2,)
'%s is %d%%' % ('x', 3)
'%5.2f|%-5s|%05d|%x|%+d|%r' % (3.14159, 'ab', 42, 255, 7, 'q')
'%(k)s' % d.c
'%s %s' % 'a'
'%d' % 'a'
1 < 2 < 3, 1 < 3 < 2, 1 == 1.0, true == 1, 'a' < 'b', [1, 2] < [1, 3], none == false
1 < 'a'
none < 1
1 in l, 9 not in l, 'k' in d.c, 'll' in s, 'z' in s, 1 in (1, 2)
1 in 'abc'
1 in 5
'a' in nothing
not x == 3, not not x, not 0
x and 0, 0 or 'y', none or e or 'z', x and s
'yes' if x > 2 else 'no'
'yes' if x > 5
('yes' if x > 5) is defined
x is defined, nothing is defined, nothing is not defined, x is undefined
n is none, x is none, x is number, true is number, s is string, d is mapping, l is sequence
s is sequence, d is sequence, x is sequence, s is iterable, x is iterable, nothing is iterable
true is boolean, 1 is boolean, 1 is integer, true is integer, 1.0 is float, 1 is float
x is odd, x is even, 9 is divisibleby 3, 9 is divisibleby(2), x is eq 3, x is equalto(4)
x is in [1, 3], x is in l, 'a' is lower, 'A' is upper, x is gt 2, x is lt(2), x is ne 3, x is ge 3
true is true, 1 is true, false is false, 0 is false, n is sameas none, x is sameas 4
'upper' is filter, 'nope' is filter, 'odd' is test, raise_exception is callable, x is callable
x is nosuchtest
x is defined is defined
x | nosuchfilter
s[0], s[-1], s[1:4], s[::-1], s[:-3], s[20:], s[1::2]
s[99]
l[0], l[-1], l[1:], l[::-1], l[5:], l[-2:], l[:1]
l[99]
l[99] is defined
l[::0]
l['a'] is defined
d['b'], d.b, d['zz'], d.zz, d.c.k, d['c']['k']
d.zz.k
nothing.k
nothing['k']
nothing()
nothing + 1
nothing[1:]
none.foo, x.foo
n.foo.bar
d.items() | list, d.keys() | list, d.values() | list, d.keys()
d.get('b'), d.get('q'), d.get('q', 5), d['get'] is defined
d.update({'a': 1})
l.append(4)
l.sort()
l.index(1), l.count(3)
l.index(77)
d | items | list, d | list, d | length, d | dictsort
d | dictsort(by='value')
{'B': 1, 'a': 2} | dictsort, {'B': 1, 'a': 2} | dictsort(true), {'B': 2, 'a': 1} | dictsort(by='value', reverse=true)
messages | length, s | length, nothing | length, e | count
x | length
messages | selectattr('role', 'equalto', 'user') | list
messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | join(', ')
messages | rejectattr('role', 'in', ['user', 'system']) | list
messages | selectattr('tool_calls') | list, messages | selectattr('role', 'defined') | list | length
messages | selectattr('role', 'equalto', 'user') | length
(messages | selectattr('role', 'equalto', 'user') | list)[0].content
[1, 2, 3, 4] | select('odd') | list, [1, 0, 2] | select | list, [1, 2, 3] | reject('gt', 1) | list
['a', 'b'] | map('upper') | list, [' a '] | map('trim') | join, ['1', 'x'] | map('int', default=-1) | list
messages | map(attribute='content.0') | list, [{'a': {}}] | map(attribute='a.b', default='D') | list
l | map | list
l | first, l | last, e | first, 'abc' | first, 'abc' | last
l | sort, l | sort(reverse=true), ['b', 'A', 'c'] | sort, ['b', 'A', 'c'] | sort(case_sensitive=true)
messages | sort(attribute='content') | map(attribute='content') | join, [1, 'a'] | sort
['b', 'a'] | sort | join('-'), messages | sort(attribute='role,content') | map(attribute='content') | list
[1, 2, 1, 'A', 'a'] | unique | list, messages | unique(attribute='role') | map(attribute='role') | list
l | reverse | list, 'abç' | reverse
l | min, l | max, e | min, ['b', 'A'] | min, messages | max(attribute='content')
l | sum, [1.5, 2] | sum, messages | length | abs, -3 | abs, -3.5 | abs, [[1], [2]] | sum(start=[])
['a'] | sum
[1, 2, 3, 4, 5] | batch(2) | list, [1, 2, 3] | batch(2, 'x') | list
messages | groupby('role') | list | length, (messages | groupby('role'))[1][0]
[1, 'a', none, 2.5] | join, [1, 2] | join(' | '), messages | join(',', attribute='role'), 'abc' | join('-')
s | upper, s | lower, 'hello world-foo (bar)' | title, 'hELLO' | capitalize, 'straße' | upper
"it's o'clock".title(), 'hello wORLD'.capitalize()
'  a b '.strip() ~ '|', '  a'.lstrip(), 'a  '.rstrip() ~ '|', 'xxaxx'.strip('x'), 'abcab'.rstrip('ab'), 'éaé'.strip('é')
' \n a' | trim, 'xax' | trim('x'), 5 | trim
'a,b,,c'.split(','), ' a  b '.split(), 'a,b,c'.split(',', 1), 'a,b,c'.rsplit(',', 1), ''.split(), ''.split(',')
' a b  c '.split(none, 1), ' a b  c '.rsplit(none, 1), ' a b  c '.rsplit(maxsplit=2), 'a b'.rsplit()
'a'.split('')
'a\nb\r\nc\n'.splitlines(), 'a\nb'.splitlines(true), ''.splitlines()
'abc'.startswith('ab'), 'abc'.endswith('bc'), 'abc'.startswith(('x', 'a')), 'abc'.startswith('b', 1), 'abc'.endswith('b', 0, 2)
'abcabc'.find('c'), 'abcabc'.find('c', 3), 'abcabc'.rfind('c'), 'éa'.find('a'), 'a'.find('z'), 'aXbX'.count('X'), 'abc'.index('c')
'abc'.index('z')
'aXbX'.replace('X', '-'), 'aXbX'.replace('X', '-', 1), 'ab'.replace('', '.'), 'aXbX' | replace('X', 'é'), 'aaa' | replace('a', 'b', 2)
', '.join(['a', 'b']), '-'.join('abc'), ''.join([])
', '.join([1])
'a=b=c'.partition('='), 'a=b=c'.rpartition('='), 'abc'.partition('x')
'12'.isdigit(), 'a1'.isalnum(), 'ab'.isalpha(), ' '.isspace(), ''.isspace(), 'AB'.isupper(), 'ab'.islower(), '1'.isupper()
'prefix-x'.removeprefix('prefix-'), 'x.py'.removesuffix('.py')
'abc'.nosuch
'abc'.nosuch()
'abc'.strip(1)
'abc'.__class__
'abc'.__class__.__name__
'a' | default('b'), nothing | default('b'), '' | default('b'), '' | default('b', true), n | default('b'), n | d('b', true), nothing | d
nothing.foo | default('b')
d.zz | default('b'), (d.zz or {}).q | default('r')
'42' | int, '4.7' | int, 'x' | int, 'x' | int(7), 3.9 | int, '0x1A' | int(base=16), none | int, ' 12 ' | int, '1_000' | int, true | int
'1.5' | float, 'x' | float, 'x' | float(2.5), 3 | float, '1e3' | float
nothing | int
42.55 | round, 42.55 | round(1), 42.55 | round(1, 'floor'), 42.1 | round(0, 'ceil'), 2.5 | round, 3.5 | round, 42 | round, 2.675 | round(2)
'a\nb\n\nc' | indent, 'a\nb' | indent(2, true), 'a\n\nb' | indent(2, blank=true), 'a\nb' | indent('> ')
'<a href="x">' | e, '<&>' | escape | length
'%s-%s' | format('a', 1), '%(x)s' | format(x=3)
'foo bar baz qux' | truncate(9), 'foo bar baz qux' | truncate(9, true), 'foo bar' | truncate(100), 'foo bar baz qux' | truncate(11, false, '…', 0)
'one two, three' | wordcount, 'abc' | center(9) ~ '|', 'abc' | center(8) ~ '|', 'a b/ü?' | urlencode
x | string ~ 1, n | string, l | string, 'a' | safe
d | tojson, 'é"\\\n\x01/<>&\u2028' | tojson, 'é😀\x7f' | tojson(ensure_ascii=true), [1.0, 1e20, 0.1, none, true] | tojson
d | tojson(indent=2), [] | tojson(indent=2), {} | tojson(indent=4), [[], {}] | tojson(indent=1)
d | tojson(separators=(',', ':')), d | tojson(indent=0), d | tojson(sort_keys=true), d | tojson(indent='\t')
{1: 'a', none: 2, true: 3, 2.5: 4} | tojson, (1, 2) | tojson, {'a': [1, {'b': 2}]} | tojson(indent=3, separators=(', ', '=>'))
nothing | tojson
l | map('string') | tojson
range(3) | tojson
range(5) | list, range(2, 8, 3) | list, range(3, 0, -1) | list, range(3), range(1, 2, 2), range(4)[1:3] | list, range(4)[-1], 2 in range(4)
range(0, 10, 0)
range(1000000) | list
'a'
"q'q", ['q\'q', "d\"d", 'b\'"', '\t\\\x00é\u200b\u00a0😀']
[true, false, none, True, False, None], {'a': 1, 2: [3]}, (1,), {'x': ('y',)}, [1.5, -0.0, 1e300]
[1, 2,], {'a': 1,}, (1, 2,)
1, 2
d.a[1], d.a.1, d['a'][-1], messages[0].role, messages[-1]['content']
messages[0] == {'role': 'system', 'content': 'S'}, [1, [2]] == [1, [2.0]], {'a': 1, 'b': 2} == {'b': 2, 'a': 1}, 'a' == 1
dict(a=1, b=2), dict([('x', 1)]), dict({'q': 2}, r=3), dict()
dict(1)
namespace(a=1).a, namespace(a=1).b, namespace({'q': 3}).q
strftime_now('%Y-%m-%d'), strftime_now('%d %b %Y %A'), strftime_now('')
raise_exception('stop')
raise_exception()
-x, +x, -f, -'a'
-x | abs, (-x) | abs, 2 ** 2 | abs
x.y.z
'a' 'b' | upper
x if x else y if y else z, (1 if 0 else 2 if 0 else 3)
[x, [l, {'k': s}]], {x: 1}[3], {'a': {'b': 2}}.a.b
{[1]: 2}
{'a': 1}[[1]] is defined, {(1, 2): 3}[(1, 2)]
l | join(d), n ~ '', f ~ f
messages | map(attribute='role') | list, messages | map('length') | list
'{}' ~ '{{' ~ '%}'
1 if true else 1 / 0
true or 1 / 0, false and 1 / 0
1.
.5
1 +
(1
[1, 2
'abc
x y
1 = 2
@
012
a.b.
x | 
loop
""".strip("\n").split("\n")

WHOLE = [
    "", "plain\n", "a\n\n", "a\r\nb\rc", "{{ '' }}\n\n", "{# c #}a{#- d -#} b {#+ e +#}\nc",
    "a {%- if 1 -%} b {%- endif -%} c", "a\n  {% if 1 %}\n  b\n  {% endif %}\n  c",
    "a\n  {%+ if 1 %}\n  b\n  {%+ endif +%}\n  c", "x {{- 1 -}} y", "x\n {{ 1 }}\n y", "a {{+ 1 }}",
    "  {% set a = 1 %}  \n{{ a }}", "  {# c #}\nx", "{% if 1 %}\n\n x{% endif %}\n\n",
    "{% raw %}{{ x }}{% y %}{% endraw %}", "a\n {% raw -%}  {{ x }}  {%- endraw %}\n b", "{% raw %}x",
    "{%raw%}a{%endraw%}\nb", "{# never closed", "{{ x", "{% if x %}", "{% endif %}", "{% nosuch %}",
    "{% if 1 %}a{% else %}b", "{%- -%}", "{{}}", "{{ }}", "{%if x%}y{%endif%}", "{{'}}'}}{{ \"%}\" }}",
    "{% for i in [1,2,3] %}{{ i }}{{ ',' if not loop.last }}{% endfor %}",
    "{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}"
    "{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}",
    "{% for i in l %}{{ loop.cycle('a', 'b') }}{{ loop.depth }}{{ loop.changed(i > 1) }}{% endfor %}",
    "{% for i in [] %}x{% else %}none{% endfor %}", "{% for i in l if i > 1 %}{{ i }}/{{ loop.length }} {% endfor %}",
    "{% for i in l if i > 5 %}x{% else %}none{% endfor %}",
    "{% for m in messages if m.role == 'user' %}{{ loop.index }}{{ loop.last }}{{ m.content }}{% endfor %}",
    "{% set ns = namespace(stop=false) %}{% for i in [1,2,3] if not ns.stop %}{{ i }}{% set ns.stop = i == 2 %}{% endfor %}",
    "{% set ns = namespace(n=0) %}{% for i in [1,2,3] if i > ns.n %}{{ loop.last }}{% set ns.n = 2 %}{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}",
    "{% for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a, b in [[1]] %}{% endfor %}",
    "{% for c in 'héy' %}[{{ c }}]{% endfor %}", "{% for i in 5 %}{% endfor %}", "{% for i in none %}{% endfor %}",
    "{% for i in nothing %}x{% else %}e{% endfor %}", "{% for i in range(10) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in range(6) %}{% if i is odd %}{% continue %}{% endif %}{{ i }}{% endfor %}", "{% break %}",
    "{% for i in [1] %}{% break %}{% else %}e{% endfor %}", "{% for i in (1, 2) %}{{ i }}{% endfor %}{{ i }}",
    "{% for i in 1, 2 %}{{ i }}{% endfor %}", "{% for i in l %}{% for j in l %}{{ loop.index }}{% endfor %}{{ loop.index }};{% endfor %}",
    "{% for i in [1, [2, [3]]] recursive %}{% if i is sequence %}({{ loop(i) }}){% else %}{{ i }}:{{ loop.depth0 }}{% endif %}{% endfor %}",
    "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = 5 %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(c=0, t='') %}{% for i in l %}{% set ns.c = ns.c + i %}{% set ns.t = ns.t ~ i %}{% endfor %}{{ ns.c }}{{ ns.t }}",
    "{% if true %}{% set y = 2 %}{% endif %}{{ y }}", "{% set a, b = 1, 2 %}{{ b }}{{ a }}", "{% set a = 1, 2 %}{{ a }}",
    "{% set a, b = [1] %}", "{% set x.y = 1 %}", "{% set nothing.y = 1 %}", "{% set d.b = 1 %}", "{% set 1 = 2 %}", "{% set true = 2 %}",
    "{% set t %}a{{ x }}{% endset %}[{{ t }}]", "{% set t | upper | trim %} ab {% endset %}[{{ t }}]",
    "{% set ns = namespace() %}{% set ns.v %}q{% endset %}{{ ns.v }}", "{% set o = 1 %}{% set t %}{% set o = 2 %}{{ o }}{% endset %}{{ t }}{{ o }}",
    "{% macro m(a, b=2, c='z') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}|{{ m(1, c=3) }}|{{ m() }}|{{ m(b=1, a=0) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(q=2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}", "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}",
    "{% macro m(a, b=a ~ '!') %}{{ b }}{% endmacro %}{{ m('x') }}", "{% set q = 1 %}{% macro m() %}{{ q }}{% endmacro %}{% set q = 2 %}{{ m() }}",
    "{% macro m() %}{% set z = 1 %}{% endmacro %}{{ m() }}{{ z }}", "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(l) | length }}{{ m is callable }}",
    "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}in{% endcall %}", "{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) m() %}{{ b }}{{ a }}{% endcall %}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% macro m() %}x{% endmacro %}{% call m() %}in{% endcall %}",
    "{% macro m(*a) %}{% endmacro %}", "{% set args = [1, 2] %}{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*args) }}{{ m(**{'a': 5, 'b': 6}) }}",
    "{% filter upper %}a{{ s }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}aac{% endfilter %}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% with %}{% set a = 3 %}{{ a }}{% endwith %}{{ a }}",
    "{% if x == 1 %}a{% elif x == 3 %}b{% elif x == 3 %}c{% else %}d{% endif %}", "{% if nothing %}a{% else %}b{% endif %}",
    "{% if not nothing %}a{% endif %}{% if e %}b{% endif %}{% if l %}c{% endif %}", "{% if 1 if 0 else 1 %}x{% endif %}",
    "{% print x, s %}", "{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}",
    "{% generation %}a{{ x }}{% endgeneration %}b", "a{% generation %}b{% endgeneration %}é{% generation %}ü{% endgeneration %}",
    "{% generation %}{% set g = 1 %}{% endgeneration %}{{ g }}", "{% for i in l %}{% generation %}{{ i }}{% endgeneration %},{% endfor %}", "{% generation %}",
    "{% set g = l | map('string') %}{{ g | join }}{{ g | join }}", "{% if [] | select %}yes{% endif %}", "{% set r = l | select %}{% for i in r %}{{ i }}{% endfor %}{% for i in r %}{{ i }}{% endfor %}",
    "{% set t = messages[0] %}{{ t.role }}{% set messages = messages[1:] %}{{ messages | length }}", "{{ messages[0]['role'] ~ ': ' ~ messages[0]['content'] }}",
    "{{ (messages | first).role }}{{ (messages | last).content }}", "{{ loop }}", "{% for i in l %}{% set loop = 5 %}{{ loop }}{% endfor %}",
    "{{ 'a\\nb' }}{{ 'a\\\\b' }}{{ '\\u00e9\\x41\\101\\q' }}", "{{ 'line\nbreak' }}", "{{ 'a' \n 'b' }}{{\n1\n}}",
    "{%- for i in l -%}\n  {{ i }}\n{%- endfor -%}\n end", "\n\n{%- if 1 %}\n\n a\n{%- endif %}\n\n", "{% if 1 %}a{% endif %}\n{% if 1 %}b{% endif %}\n",
    "\t{% if 1 %}\tx{% endif %}", "a \u00a0{%- if 1 %}b{% endif %}", "{{ x }}\n{{ x }}\n", "{{ [1,\n 2] }}", "{{ {'a': 1}['a'] }}{{{'a': 2}.a}}",
    "{% set a = 'x' %}{% set a = a + 'y' %}{{ a }}", "{% set ns = namespace(a=1) %}{% set ns._b = 2 %}", "{% set ns = namespace(_b=1) %}",
    "{{ namespace }}" if False else "{{ namespace is defined }}", "{% set ns = namespace(l=[]) %}{% set ns.l = ns.l + [1] %}{{ ns.l }}",
    "{% autoescape true %}x{% endautoescape %}" if False else "{{ 'x' | e }}", "{% do l.append(1) %}", "{% for i in l: %}{{ i }}{% endfor %}",
]


def cases():
    for line in PRINTED:
        yield "{{ " + line + " }}" if not has_comma(line) else "{% for v in [" + line + "] %}{{ v }};{% endfor %}", V
    for source in WHOLE:
        yield source, V


def has_comma(line):
    depth, quote, escaped = 0, None, False
    for c in line:
        if quote:
            if escaped:
                escaped = False
            elif c == "\\":
                escaped = True
            elif c == quote:
                quote = None
        elif c in "'\"":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "," and depth == 0:
            return True
    return False
