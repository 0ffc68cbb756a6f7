// Why a row is left out: one name for each reason. Readers of rows put it on their errors, and
// count and name the rows under it (data_report.json; docs/formats/run-directory.md says what each
// means). Rankings have three more (feedback/rankings_to_pairs.h).
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace attune::data {

// The file.
inline constexpr const char* kUnreadableRow = "unreadable";
inline constexpr const char* kNotAnExample = "not an example";

// The form.
inline constexpr const char* kOtherForm = "form of another method";
inline constexpr const char* kTwoKinds = "string beside conversation";
inline constexpr const char* kNoPrompt = "no prompt";
inline constexpr const char* kNoAnswer = "no answer";
inline constexpr const char* kSoftLabel = "soft label";

// What people said.
inline constexpr const char* kEqualSides = "pair with equal sides";
inline constexpr const char* kEqualOnceCut = "equal sides as tokens";
inline constexpr const char* kNoDifference = "ranking without a difference";
inline constexpr const char* kContradictoryRows = "contradictory rows";

// The text.
inline constexpr const char* kEmptyPrompt = "empty prompt";
inline constexpr const char* kEmptyCompletion = "empty completion";
inline constexpr const char* kNoTemplate = "no chat template";
inline constexpr const char* kTemplateRefuses = "chat template refuses";
inline constexpr const char* kNoEndToken = "no end-of-sequence token";

// The lengths.
inline constexpr const char* kPromptFillsLength = "prompt fills max_length";
inline constexpr const char* kPromptFillsContext = "prompt fills the context";
inline constexpr const char* kLongRow = "longer than max_length";
inline constexpr const char* kLongPrompt = "longer than max_prompt_length";
inline constexpr const char* kBeyondContext = "longer than the context";
inline constexpr const char* kNoTrainedToken = "no trained token";

// The model.
inline constexpr const char* kForeignToken = "token of another vocabulary";

inline constexpr const char* kOtherReason = "other";  // an error of something below the row

// An error that says what about a row cannot be used, with the reason it is counted under.
class RowError : public Error {
 public:
  RowError(std::string reason, Error error) : Error(std::move(error)), reason_(std::move(reason)) {}

  const std::string& reason() const { return reason_; }
  RowError with_context(const std::string& where) const {
    return {reason_, Error::with_context(where)};
  }

 private:
  std::string reason_;
};

template <typename... Args>
RowError refuse_row(std::string reason, fmt::format_string<Args...> format, Args&&... args) {
  return {std::move(reason), invalid_input(format, std::forward<Args>(args)...)};
}

// A Result whose error has a reason; TRY hands it on, to a plain Result without.
template <typename T>
class [[nodiscard]] RowResult : public Result<T> {
 public:
  RowResult(T value) : Result<T>(std::move(value)) {}
  RowResult(RowError error) : Result<T>(Error(error)), reason_(error.reason()) {}
  RowResult(Error error) : RowResult(RowError(kOtherReason, std::move(error))) {}

  RowError error() const { return {reason_, Result<T>::error()}; }

 private:
  std::string reason_;
};

template <>
class [[nodiscard]] RowResult<void> : public Status {
 public:
  RowResult() = default;
  RowResult(RowError error) : Status(Error(error)), reason_(error.reason()) {}
  RowResult(Error error) : RowResult(RowError(kOtherReason, std::move(error))) {}

  RowError error() const { return {reason_, Status::error()}; }

 private:
  std::string reason_;
};
using RowStatus = RowResult<void>;

}  // namespace attune::data
