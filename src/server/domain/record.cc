#include "server/domain/record.h"

namespace attune::domain {

std::string_view to_string(ResponseStatus status) {
  switch (status) {
    case ResponseStatus::kDraft:
      return "draft";
    case ResponseStatus::kSubmitted:
      return "submitted";
    case ResponseStatus::kDiscarded:
      return "discarded";
  }
  return "draft";
}

std::optional<ResponseStatus> response_status_of(std::string_view name) {
  for (const auto status :
       {ResponseStatus::kDraft, ResponseStatus::kSubmitted, ResponseStatus::kDiscarded}) {
    if (name == to_string(status)) return status;
  }
  return std::nullopt;
}

}  // namespace attune::domain
