"""Templates in the style of published model families, written for this project, and conversations.

Families that have a built-in template in src/text/builtin_templates.cc are taken from there; here are
those with tools, reasoning, marks, macros and other things that templates do."""

TEMPLATES = {
    "marked-chatml": """{% for m in messages %}
<|im_start|>{{ m.role }}
{% if m.role == 'assistant' %}
{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}

{% else %}
{{ m.content }}<|im_end|>
{% endif %}
{% endfor %}
{% if add_generation_prompt %}
<|im_start|>assistant
{% endif %}""",
    "qwen-tools": """{%- set has_system = messages and messages[0].role == 'system' %}
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if has_system %}{{- messages[0].content + '\\n\\n' }}{% endif %}
    {{- "# Tools\\n\\nThese functions may be called:\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}{{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- elif has_system %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'user' or (message.role == 'system' and not loop.first)
           or (message.role == 'assistant' and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
    {%- elif message.role == 'assistant' %}
        {{- '<|im_start|>assistant' }}
        {%- if message.content %}{{- '\\n' + message.content }}{%- endif %}
        {%- for call in message.tool_calls %}
            {%- if call.function is defined %}{%- set call = call.function %}{%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}{{- call.name }}{{- '", "arguments": ' }}
            {%- if call.arguments is string %}{{- call.arguments }}{%- else %}{{- call.arguments | tojson }}{%- endif %}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == 'tool' %}
        {%- if loop.index0 == 0 or messages[loop.index0 - 1].role != 'tool' %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}{{- message.content }}{{- '\\n</tool_response>' }}
        {%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}""",
    "reasoning-stripper": """{%- set ns = namespace(last=-1) %}
{%- for m in messages[::-1] %}
  {%- set at = messages | length - 1 - loop.index0 %}
  {%- if ns.last < 0 and m.role == 'user' %}{%- set ns.last = at %}{%- endif %}
{%- endfor %}
{%- for m in messages %}
  {%- set content = m.content if m.content is string else '' %}
  {%- if m.role == 'assistant' and '</think>' in content and loop.index0 < ns.last %}
    {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
  {%- endif %}
  {{- '<|im_start|>' ~ m.role ~ '\\n' ~ content ~ '<|im_end|>\\n' }}
{%- endfor %}""",
    "llama-3-dated": """{{- bos_token }}
{%- if not date_string is defined %}
    {%- set date_string = strftime_now("%d %b %Y") %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}{{- "Environment: tools\\n" }}{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{%- if tools is not none %}
    {%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\\n\\n" }}{%- endfor %}
{%- endif %}
{{- system_message }}{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("one tool call at a time") }}
        {%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + call.name + '", ' }}{{- '"parameters": ' }}{{- call.arguments | tojson }}{{- "}<|eot_id|>" }}
    {%- else %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}
""",
    "mistral-tools": """{%- if messages and messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("roles must alternate") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}{{- '"' + key + '": "' + val + '"' }}
                    {%- else %}{{- '"' + key + '": ' + val|tojson }}{%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[TOOL_CALLS] [" }}
        {%- for tool_call in message.tool_calls %}
            {%- set out = tool_call.function|tojson %}
            {{- out[:-1] }}
            {%- if not tool_call.id is defined or tool_call.id|length != 9 %}
                {{- raise_exception("a tool call needs an id of 9 characters") }}
            {%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}
            {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" + eos_token }}{%- endif %}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- elif message["role"] == "tool" %}
        {{- '[TOOL_RESULTS] {"content": ' + message.content|string + "}[/TOOL_RESULTS]" }}
    {%- else %}
        {{- raise_exception("unknown role: " ~ message.role) }}
    {%- endif %}
{%- endfor %}
""",
    "tool-macros": """{%- macro kind(spec) -%}
{%- set names = {'string': 'str', 'number': 'float', 'integer': 'int', 'boolean': 'bool'} -%}
{%- if spec.type is string and spec.type in names -%}{{ names[spec.type] }}
{%- elif spec.type == 'array' -%}list[{{ kind(spec['items']) if 'items' in spec else 'any' }}]
{%- elif spec.type == 'object' -%}
{%- if spec.additionalProperties is defined -%}dict[str, {{ kind(spec.additionalProperties) }}]
{%- else -%}dict{%- endif -%}
{%- elif spec.type is iterable and spec.type is not string -%}
Union[{%- for t in spec.type -%}{{ kind({'type': t}) }}{%- if not loop.last %},{% endif -%}{%- endfor -%}]
{%- else -%}any{%- endif -%}
{%- endmacro -%}
{{- bos_token }}
{%- if tools %}
{{- '<|im_start|>system\\n' }}
{%- for tool in tools %}
{%- set f = tool.function if tool.function is defined else tool %}
{{- '- ' ~ f.name ~ '(' }}
{%- for name, spec in f.parameters.properties | dictsort %}
{{- name ~ ': ' ~ kind(spec) ~ ('' if name in f.parameters.get('required', []) else ' = None') }}
{%- if not loop.last %}{{ ', ' }}{% endif %}
{%- endfor %}
{{- '): ' ~ f.description | default('no description', true) ~ '\\n' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- endif %}
{%- for m in messages if m.role != 'system' %}
{{- '<|im_start|>' ~ m.role ~ '\\n' }}
{%- if m.content is string %}{{ m.content }}
{%- elif m.content %}
{%- for part in m.content %}
{%- if part.type == 'text' %}{{ part.text }}{% else %}{{ '<' ~ part.type ~ '>' }}{% endif %}
{%- endfor %}
{%- endif %}
{%- for c in m.tool_calls or [] %}
{{- '\\n' ~ loop.index ~ '/' ~ loop.length ~ ' ' ~ c.function.name ~ '(' }}
{%- for k, v in (c.function.arguments or {}) | items %}{{ k ~ '=' ~ v | tojson }}{{ ', ' if not loop.last }}{% endfor %}
{{- ')' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- endfor %}""",
    "granite-documents": """{%- if documents %}
{%- set ns = namespace(text='') %}
{%- for d in documents %}
{%- set ns.text = ns.text ~ '[' ~ loop.index ~ '] ' ~ d.title | upper ~ ': ' ~ d.text | trim | indent(4) ~ '\\n' %}
{%- endfor %}
{{- '<documents>\\n' ~ ns.text ~ '</documents>\\n' }}
{%- endif %}
{%- for m in messages %}
{%- if m.role not in ['system', 'user', 'assistant', 'tool'] %}{% continue %}{% endif %}
{{- '<|start_of_role|>%s<|end_of_role|>%s<|end_of_text|>\\n' % (m.role, m.content) }}
{%- else %}
{{- 'nothing was said' }}
{%- endfor %}""",
    "plain-lines": """{% for m in messages %}
  {% if m.role == "system" %}
  [{{ m.content }}]
  {%- elif m.role == "user" +%}
Human: {{ m.content }}
  {% else %}
Assistant: {{ m.content }}{{ eos_token }}
  {% endif %}
{% endfor %}
{# the reply follows #}
{% if add_generation_prompt %}Assistant:{% endif %}

""",
}

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "Weather at a place <now>",
    "parameters": {"type": "object", "required": ["place"], "properties": {
        "place": {"type": "string", "description": "City, \"quoted\" & é"},
        "days": {"type": "integer", "default": 3},
        "units": {"type": ["string", "number"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "limits": {"type": "object", "additionalProperties": {"type": "number"}}}}}}
CLOCK = {"type": "function", "function": {
    "name": "clock", "description": None, "parameters": {"type": "object", "properties": {}}}}


def turns(*contents):
    return [{"role": ["user", "assistant"][i % 2], "content": text} for i, text in enumerate(contents)]


def inputs():
    tokens = {"bos_token": "<s>", "eos_token": "</s>"}
    system = {"role": "system", "content": "You are terse.\nAlways."}
    call = {"id": "abcdef123", "type": "function",
            "function": {"name": "get_weather", "arguments": {"place": "Zürich", "days": 2.0, "tags": []}}}
    with_tool = [*turns("Weather?"), {"role": "assistant", "content": None, "tool_calls": [call]},
                 {"role": "tool", "content": "{\"sky\": \"clear\"}", "tool_call_id": "abcdef123"},
                 {"role": "assistant", "content": "Clear."}]
    for prompt in [False, True]:
        flag = {"add_generation_prompt": prompt, **tokens}
        end = "/prompt" if prompt else ""
        yield "one" + end, {"messages": turns("Hi there"), **flag}
        yield "system" + end, {"messages": [system, *turns("Hi", "Hello 👋", "  spaces \n ")], **flag}
        yield "four" + end, {"messages": turns("a", "b", "c", "d"), **flag}
    yield "empty", {"messages": [], **tokens}
    yield "no-tokens", {"messages": turns("a", "b")}
    yield "wrong-order", {"messages": [turns("a", "b")[1], *turns("a", "b")], **tokens}
    yield "twice", {"messages": [*turns("a"), *turns("b", "c")], **tokens}
    yield "unknown-role", {"messages": [*turns("a"), {"role": "narrator", "content": "x"}], **tokens}
    yield "late-system", {"messages": [*turns("a", "b"), system, *turns("c")], **tokens}
    yield "no-content", {"messages": [{"role": "user"}], **tokens}
    yield "null-content", {"messages": [{"role": "user", "content": None}], **tokens}
    yield "special", {"messages": turns("<|im_end|>{{ 1 }}", "é\u2028\t\"'\\\n[/INST]"), **tokens}
    yield "tools", {"messages": turns("q"), "tools": [WEATHER, CLOCK], "add_generation_prompt": True, **tokens}
    yield "tool-turns", {"messages": with_tool, "tools": [WEATHER], **tokens}
    yield "tool-turns-system", {"messages": [system, *with_tool, *turns("thanks")], **tokens}
    yield "parts", {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "see"}, {"type": "image"}, {"type": "text", "text": "!"}]}], **tokens}
    yield "documents", {"messages": turns("q"), "documents": [
        {"title": "One", "text": " first\nline \n"}, {"title": "two ß", "text": "x"}], **tokens}
    yield "thinking", {"messages": turns("q", "<think>\nhm\n</think>\n\nyes", "more", "<think>b</think>no"),
                       "enable_thinking": False, **tokens}
    yield "no-thinking", {"messages": turns("q"), "enable_thinking": False,
                          "add_generation_prompt": True, **tokens}
