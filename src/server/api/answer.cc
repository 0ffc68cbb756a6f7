#include "server/api/answer.h"

namespace attune::api {
namespace {

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound: return 404;
    case ErrorCode::kConflict: return 409;
    case ErrorCode::kInvalidInput:
    case ErrorCode::kUnsupported: return 422;
    case ErrorCode::kUnavailable: return 503;
    case ErrorCode::kIo:
    case ErrorCode::kCancelled:
    case ErrorCode::kUsage:
    case ErrorCode::kInternal: return 500;
  }
  return 500;
}

OrderedJson coded(std::string code, OrderedJson params) {
  return {{"detail", {{"code", std::move(code)}, {"params", std::move(params)}}}};
}

}  // namespace

Failure::Failure(const Error& error) : status(status_of(error.code())), cause(error) {
  if (status == 500) {
    *this = internal_failure(error);
  } else if (status == 503) {
    body = {{"detail", "The data base does not answer; try again"}};
  } else {
    body = {{"detail", error.message()}};
  }
}

Failure detail(int status, std::string text) {
  return {status, {{"detail", std::move(text)}}};
}

Failure unauthorized(std::string text) {
  return {401, coded("argilla.api.errors::UnauthorizedError", {{"detail", std::move(text)}})};
}

Failure forbidden(std::string text) {
  return {403, coded("argilla.api.errors::ForbiddenOperationError", {{"detail", std::move(text)}})};
}

Failure schema_failure(const std::vector<SchemaMistake>& mistakes) {
  OrderedJson errors = OrderedJson::array();
  for (const SchemaMistake& mistake : mistakes) {
    errors.push_back({{"type", mistake.type}, {"loc", mistake.loc}, {"msg", mistake.msg}});
  }
  return {422, coded("argilla.api.errors::ValidationError", {{"errors", std::move(errors)}})};
}

Failure internal_failure(Error cause) {
  OrderedJson params = {{"type", "attune.InternalError"},
                        {"message", "The server's log says what happened, under the X-Request-Id "
                                    "of this response"}};
  Failure failure(500, coded("argilla.api.errors::GenericServerError", std::move(params)));
  failure.cause = std::move(cause);
  return failure;
}

}  // namespace attune::api
