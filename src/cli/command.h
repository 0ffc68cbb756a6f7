// The commands of `attune`, one function each.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/arguments.h"

namespace attune::cli {

inline constexpr const char* kVersion = "0.1.0";

struct Command {
  const char* name;
  const char* text;
  Status (*run)(Arguments arguments);
};

Status run_tokenize(Arguments arguments);
Status run_score(Arguments arguments);
Status run_generate(Arguments arguments);
Status run_chat(Arguments arguments);
Status run_import(Arguments arguments);
Status run_export(Arguments arguments);
Status run_forget(Arguments arguments);
Status run_train(Arguments arguments);
Status run_evaluate(Arguments arguments);
Status run_report(Arguments arguments);
Status run_model(Arguments arguments);
Status run_serve(Arguments arguments);
Status run_backup(Arguments arguments);
Status run_doctor(Arguments arguments);
Status run_demo(Arguments arguments);

// In the order that help shows.
const std::vector<Command>& commands();

// Runs one command line (without the program's name) and returns the exit code: 0 done, 1 failed,
// 2 wrong use. Errors go to standard error as one line.
int run_command_line(const std::vector<std::string>& words);

}  // namespace attune::cli
