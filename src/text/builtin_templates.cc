// Templates for models that come without one. The output formats are those that the model families
// document; the texts are written for Attune and tested against jinja2.
#include <array>

#include "text/chat_template.h"

namespace attune::text {
namespace {

struct Builtin {
  std::string_view name;
  std::string_view source;
};

constexpr std::array<Builtin, 11> kBuiltins = {{
    {"chatml", R"jinja({%- for message in messages %}
{{- '<|im_start|>' ~ message.role ~ '\n' ~ message.content ~ '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\n' }}
{%- endif %})jinja"},
    {"zephyr", R"jinja({%- for message in messages %}
{{- '<|' ~ message.role ~ '|>\n' ~ message.content ~ eos_token ~ '\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|assistant|>\n' }}
{%- endif %})jinja"},
    {"phi-3", R"jinja({%- for message in messages %}
{{- '<|' ~ message.role ~ '|>\n' ~ message.content ~ '<|end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|assistant|>\n' }}
{%- endif %})jinja"},
    {"llama-3", R"jinja({{- bos_token }}
{%- for message in messages %}
{{- '<|start_header_id|>' ~ message.role ~ '<|end_header_id|>\n\n' }}
{{- message.content | trim ~ '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %})jinja"},
    {"llama-2", R"jinja({%- set state = namespace(system='', turn=0) %}
{%- for message in messages %}
{%- if message.role == 'system' and loop.first %}
{%- set state.system = '<<SYS>>\n' ~ message.content | trim ~ '\n<</SYS>>\n\n' %}
{%- elif (message.role == 'user') != (state.turn % 2 == 0) or message.role == 'system' %}
{{- raise_exception('after an optional system message, user and assistant must take turns') }}
{%- elif message.role == 'user' %}
{{- bos_token ~ '[INST] ' ~ state.system ~ message.content | trim ~ ' [/INST]' }}
{%- set state.system = '' %}
{%- set state.turn = state.turn + 1 %}
{%- else %}
{{- ' ' ~ message.content | trim ~ ' ' ~ eos_token }}
{%- set state.turn = state.turn + 1 %}
{%- endif %}
{%- endfor %})jinja"},
    {"mistral", R"jinja({{- bos_token }}
{%- set state = namespace(system='', turn=0) %}
{%- for message in messages %}
{%- if message.role == 'system' and loop.first %}
{%- set state.system = message.content ~ '\n\n' %}
{%- elif (message.role == 'user') != (state.turn % 2 == 0) or message.role == 'system' %}
{{- raise_exception('after an optional system message, user and assistant must take turns') }}
{%- elif message.role == 'user' %}
{{- '[INST] ' ~ state.system ~ message.content ~ ' [/INST]' }}
{%- set state.system = '' %}
{%- set state.turn = state.turn + 1 %}
{%- else %}
{{- ' ' ~ message.content ~ eos_token }}
{%- set state.turn = state.turn + 1 %}
{%- endif %}
{%- endfor %})jinja"},
    {"gemma", R"jinja({{- bos_token }}
{%- if messages and messages[0].role == 'system' %}
{{- raise_exception('this format knows no system message; start with the user') }}
{%- endif %}
{%- for message in messages %}
{%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}
{{- raise_exception('user and assistant must take turns, starting with user') }}
{%- endif %}
{{- '<start_of_turn>' ~ ('model' if message.role == 'assistant' else message.role) ~ '\n' }}
{{- message.content | trim ~ '<end_of_turn>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<start_of_turn>model\n' }}
{%- endif %})jinja"},
    {"falcon", R"jinja({%- for message in messages %}
{%- if not loop.first %}
{{- '\n' }}
{%- endif %}
{%- if message.role == 'system' %}
{{- 'System: ' ~ message.content | trim }}
{%- elif message.role == 'user' %}
{{- 'User: ' ~ message.content | trim }}
{%- else %}
{{- 'Falcon: ' ~ message.content | trim ~ eos_token }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '\nFalcon:' }}
{%- endif %})jinja"},
    {"alpaca", R"jinja({%- for message in messages %}
{%- if message.role == 'system' %}
{{- message.content | trim ~ '\n\n' }}
{%- elif message.role == 'user' %}
{{- '### Instruction:\n' ~ message.content | trim ~ '\n\n' }}
{%- else %}
{{- '### Response:\n' ~ message.content | trim ~ eos_token ~ '\n\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '### Response:\n' }}
{%- endif %})jinja"},
    {"vicuna", R"jinja({%- for message in messages %}
{%- if message.role == 'system' %}
{{- message.content | trim ~ ' ' }}
{%- elif message.role == 'user' %}
{{- 'USER: ' ~ message.content | trim ~ ' ' }}
{%- else %}
{{- 'ASSISTANT: ' ~ message.content | trim ~ eos_token }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- 'ASSISTANT:' }}
{%- endif %})jinja"},
    {"command-r", R"jinja({{- bos_token }}
{%- set names = {'system': 'SYSTEM', 'user': 'USER', 'assistant': 'CHATBOT'} %}
{%- for message in messages %}
{%- if message.role not in names %}
{{- raise_exception('the role ' ~ message.role ~ ' is unknown; use system, user or assistant') }}
{%- endif %}
{{- '<|START_OF_TURN_TOKEN|><|' ~ names[message.role] ~ '_TOKEN|>' }}
{{- message.content | trim ~ '<|END_OF_TURN_TOKEN|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}
{%- endif %})jinja"},
}};

}  // namespace

std::optional<std::string> ChatTemplate::builtin(std::string_view name) {
  for (const Builtin& one : kBuiltins) {
    if (one.name == name) return std::string(one.source);
  }
  return std::nullopt;
}

std::vector<std::string> ChatTemplate::builtin_names() {
  std::vector<std::string> names;
  for (const Builtin& one : kBuiltins) names.emplace_back(one.name);
  return names;
}

}  // namespace attune::text
