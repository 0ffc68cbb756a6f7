#include "cli/command.h"

#include <cstdio>
#include <exception>
#include <new>

#include "base/log.h"
#include "base/nearest.h"

namespace attune::cli {
namespace {

std::string help() {
  std::string text =
      "attune: carries a language model round the whole human-feedback loop\n\n"
      "usage: attune COMMAND [--option value ...]; attune help COMMAND says more\n\n";
  for (const Command& command : commands()) {
    text += fmt::format("  {:<10} {}\n", command.name, command.text);
  }
  return text +
         "\nExit codes: 0 done, 1 failed, 2 wrong use. ATTUNE_LOG=debug|warning|error sets the "
         "log.\n";
}

Error unknown_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : commands()) names.push_back(command.name);
  std::string nearest = nearest_name(name, names);
  return usage_error(
      "there is no command \"{}\"; {}", name,
      nearest.empty() ? "attune --help lists them" : "did you mean " + nearest + "?");
}

Status dispatch(const std::vector<std::string>& words) {
  if (!words.empty() && words[0] == "help" && words.size() > 1) {
    std::vector<std::string> asked(words.begin() + 1, words.end());  // attune help train sft
    asked.emplace_back("--help");
    return dispatch(asked);
  }
  if (words.empty() || words[0] == "--help" || words[0] == "help" || words[0] == "-h") {
    std::fputs(help().c_str(), stdout);
    return {};
  }
  if (words[0] == "--version") {
    fmt::print("attune {}\n", kVersion);
    return {};
  }
  for (const Command& command : commands()) {
    if (words[0] != command.name) continue;
    return command.run(TRY(parse_arguments({words.begin() + 1, words.end()})));
  }
  return unknown_command(words[0]);
}

// Libraries throw when memory runs out or on a mistake of ours: even then one line says so.
Status dispatch_safely(const std::vector<std::string>& words) {
  try {
    return dispatch(words);
  } catch (const std::bad_alloc&) {
    return make_error(ErrorCode::kInternal, "there is not enough memory; give less data at once");
  } catch (const std::exception& failure) {
    return make_error(ErrorCode::kInternal, "a mistake of Attune's: {}; please report it",
                      failure.what());
  }
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      {"tokenize", "texts to token ids", run_tokenize},
      {"score", "log-probabilities of completions", run_score},
      {"generate", "answers to prompts", run_generate},
      {"chat", "talk to a model in the terminal", run_chat},
      {"import", "published data sets to rows of examples", run_import},
      {"export", "a feedback server's data set to rows of examples", run_export},
      {"forget", "records, or all that a person said, out of a server, for good", run_forget},
      {"train", "fine-tune a model: attune train sft --config F", run_train},
      {"evaluate", "measure a model: attune evaluate perplexity --data F", run_evaluate},
      {"report", "write report.html of a run", run_report},
      {"model", "info | convert | merge", run_model},
      {"serve", "the feedback server, which Argilla's SDK works against", run_serve},
      {"backup", "a copy of the feedback server's data base, while it serves", run_backup},
      {"doctor", "what this machine has and how fast it is", run_doctor},
      {"demo", "teach a 135M model to answer support mail", run_demo},
  };
  return table;
}

int run_command_line(const std::vector<std::string>& words) {
  Status status = dispatch_safely(words);
  if (status.ok() && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)) {
    status = io_error("standard output: cannot write: is the disk full?");
  }
  if (status.ok()) return 0;
  // Without a message the program behind the command has said what was wrong.
  if (!status.error().message().empty()) log_error("{}", status.error().message());
  return status.error().code() == ErrorCode::kUsage ? 2 : 1;
}

}  // namespace attune::cli
