#include "text/jinja/filters.h"

#include "base/nearest.h"
#include "text/jinja/arguments.h"

namespace attune::text::jinja {
namespace {

std::string suggestion(std::string_view name, const std::vector<std::string>& known) {
  std::string near = nearest_name(name, known);
  return near.empty() ? "; it is not supported" : fmt::format("; did you mean '{}'?", near);
}

}  // namespace

Filter find_filter(std::string_view name) {
  for (const auto* filters :
       {&text_filters(), &number_filters(), &sequence_filters(), &choice_filters()}) {
    auto found = filters->find(name);
    if (found != filters->end()) return found->second;
  }
  return nullptr;
}

Result<Value> Rendering::filter(const std::string& name, const Value& value,
                                const CallArguments& arguments) {
  TRY(budget_.step());
  if (Filter found = find_filter(name)) {
    auto result = found(*this, value, arguments);
    if (!result.ok()) return result.error().with_context("in the filter '" + name + "'");
    return result;
  }
  std::vector<std::string> known;
  for (const auto* filters :
       {&text_filters(), &number_filters(), &sequence_filters(), &choice_filters()}) {
    for (const auto& entry : *filters) known.emplace_back(entry.first);
  }
  return unsupported("there is no filter '{}'{}", name, suggestion(name, known));
}

Result<bool> Rendering::test(const std::string& name, const Value& value,
                             const CallArguments& arguments) {
  TRY(budget_.step());
  auto found = tests().find(name);
  if (found != tests().end()) return found->second(*this, value, arguments);
  std::vector<std::string> known;
  for (const auto& entry : tests()) known.emplace_back(entry.first);
  return unsupported("there is no test '{}'{}", name, suggestion(name, known));
}

Result<Value> follow(Rendering& rendering, const Value& value, const Value& path) {
  if (path.is(Kind::kInt)) return rendering.item(value, path);
  std::string_view rest = TRY(text_argument(path));
  Value current = value;
  while (true) {
    size_t dot = rest.find('.');
    std::string part(rest.substr(0, dot));
    bool index = !part.empty() && part.size() < 10 &&
                 part.find_first_not_of("0123456789") == std::string::npos;
    current = TRY(rendering.item(current, index ? Value(int64_t{std::stoi(part)}) : Value(part)));
    if (dot == std::string_view::npos) return current;
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace attune::text::jinja
