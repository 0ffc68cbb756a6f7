// Where a rendering writes and looks names up, changed for the length of a C++ scope.
#pragma once

#include <memory>
#include <utility>

#include "text/jinja/rendering.h"

namespace attune::text::jinja {

struct Rendering::Capture {
  explicit Capture(Rendering& owner) : owner_(owner), outer_(owner.out_), text(owner.budget_) {
    owner.out_ = &text;
  }
  ~Capture() { owner_.out_ = outer_; }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  Rendering& owner_;
  TextBuilder* outer_;
  TextBuilder text;
};

struct Rendering::ScopeChange {
  ScopeChange(Rendering& owner, std::shared_ptr<Scope> parent)
      : owner_(owner), outer_(std::move(owner.scope_)) {
    owner.scope_ = std::make_shared<Scope>(Scope{std::move(parent)});
  }
  ~ScopeChange() { owner_.scope_ = std::move(outer_); }
  ScopeChange(const ScopeChange&) = delete;
  ScopeChange& operator=(const ScopeChange&) = delete;

  Rendering& owner_;
  std::shared_ptr<Scope> outer_;
};

}  // namespace attune::text::jinja
