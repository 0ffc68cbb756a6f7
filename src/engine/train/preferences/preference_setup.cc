#include "engine/train/preferences/preference_setup.h"

#include <algorithm>
#include <charconv>

namespace attune::engine::train {
namespace {

constexpr const char* kPlackettLuce = "plackett_luce";

// A list of texts, or one text.
Result<std::vector<std::string>> names(const Json& config, const char* key) {
  std::vector<std::string> found;
  const Json* list = find(config, key);
  if (list == nullptr || list->is_null()) return found;
  if (list->is_string()) return std::vector<std::string>{list->get<std::string>()};
  if (!list->is_array()) return invalid_input("{}: must be a list", key);
  for (const Json& entry : *list) {
    found.push_back(entry.is_string() ? entry.get<std::string>() : to_line(entry));
  }
  return found;
}

Result<std::vector<double>> numbers(const Json& config, const char* key) {
  std::vector<double> found;
  for (const std::string& text : TRY(names(config, key))) {
    double number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc() || end != text.data() + text.size()) {
      return invalid_input("{}: \"{}\" is no number", key, text);
    }
    found.push_back(number);
  }
  return found;
}

Status read_losses(const Json& config, PreferenceSetup* setup) {
  std::vector<std::string> types = TRY(names(config, "loss_type"));
  if (types.empty()) types = {"sigmoid"};
  const std::vector<double> weights = TRY(numbers(config, "loss_weights"));
  setup->plackett_luce = std::find(types.begin(), types.end(), kPlackettLuce) != types.end();
  if (!setup->plackett_luce) {
    setup->loss.losses = TRY(objectives::weighted_pair_losses(types, weights));
    return {};
  }
  if (types.size() > 1 || !weights.empty()) {
    return invalid_input(
        "loss_type: {} is a loss of whole rankings and stands alone; leave out the others and "
        "loss_weights",
        kPlackettLuce);
  }
  return {};
}

// Plackett-Luce knows none of the variants of pairs.
Status check_plackett_luce(const PreferenceSetup& setup) {
  const objectives::PreferenceOptions& loss = setup.loss;
  const char* option = nullptr;
  if (loss.label_smoothing > 0) option = "label_smoothing";
  if (loss.divergence != objectives::Divergence::kReverseKl) option = "f_divergence_type";
  if (loss.ld_alpha) option = "ld_alpha";
  if (setup.weighting) option = "use_weighting";
  if (option == nullptr) return {};
  return invalid_input("{}: has no meaning for loss_type {}; leave it out", option, kPlackettLuce);
}

bool has_soft_label(const TreeRow& row) {
  return row.chosen_probability && *row.chosen_probability != 1.0;
}

}  // namespace

Result<PreferenceSetup> read_preference_setup(const Json& config) {
  PreferenceSetup setup;
  TRY(read_losses(config, &setup));
  objectives::PreferenceOptions& loss = setup.loss;
  loss.beta = TRY(get_double_or(config, "beta", 0.1));
  loss.label_smoothing = TRY(get_double_or(config, "label_smoothing", 0));
  const std::string divergence = TRY(get_string_or(config, "f_divergence_type", "reverse_kl"));
  loss.divergence = TRY(objectives::parse_divergence(divergence));
  loss.divergence_alpha = TRY(get_double_or(config, "f_alpha_divergence_coef", 0.5));
  loss.discopop_tau = TRY(get_double_or(config, "discopop_tau", 0.05));
  if (find(config, "ld_alpha") != nullptr) loss.ld_alpha = TRY(get_double(config, "ld_alpha"));
  if (TRY(get_string_or(config, "sigmoid_smoothing", "applied")) == "ignored") {
    loss.sigmoid_smoothing = objectives::SigmoidSmoothing::kIgnored;
  }
  if (TRY(get_string_or(config, "ipo_log_probs", "mean")) == "sum") {
    loss.ipo_length = objectives::IpoLength::kSum;
  }
  setup.weighting = TRY(get_bool_or(config, "use_weighting", false));
  setup.reference_free = TRY(get_bool_or(config, "reference_free", false));
  setup.pairs = TRY(read_pair_options(config));
  if (setup.plackett_luce) {
    setup.pairs.rule = feedback::PairRule::kAll;  // of the metrics; the loss takes the whole order
    setup.pairs.ties = feedback::TieRule::kSkip;
    TRY(check_plackett_luce(setup));
  }
  TRY(objectives::check_preference_options(loss, false, setup.weighting));
  return setup;
}

Status check_rows(const PreferenceSetup& setup, const std::vector<TreeRow>& rows) {
  const bool halves = setup.pairs.ties == feedback::TieRule::kHalf;
  bool soft = false;
  for (const TreeRow& row : rows) {
    soft = soft || has_soft_label(row) || (halves && row.form == data::Form::kRanking);
  }
  if (soft && setup.plackett_luce) {
    return invalid_input("loss_type: {} does not take soft labels (chosen_probability)",
                         kPlackettLuce);
  }
  return objectives::check_preference_options(setup.loss, soft, setup.weighting);
}

Status check_order(const PreferenceSetup& setup, const std::vector<TreeRow>& rows) {
  for (const TreeRow& row : rows) {
    for (const RowPair& pair : pairs_of_row(row, setup.pairs)) {
      if (pair.chosen_probability != 0.5) return {};
    }
  }
  return invalid_input(
      "training data: every pair is a tie (chosen_probability 0.5): nothing says which answer is "
      "better, and nothing could be learnt");
}

Result<std::optional<ReferenceMoves>> read_reference_moves(const Json& config) {
  if (!TRY(get_bool_or(config, "sync_ref_model", false))) return std::optional<ReferenceMoves>();
  const auto refuse = [](const char* option, const char* why) {
    return invalid_input("sync_ref_model: cannot go with {}: {}", option, why);
  };
  if (TRY(get_bool_or(config, "use_peft", false))) {
    return refuse("use_peft", "there is no second model to mix into; train all weights");
  }
  if (TRY(get_bool_or(config, "precompute_ref_log_probs", false))) {
    return refuse("precompute_ref_log_probs", "what was computed before is stale after a mix");
  }
  if (TRY(get_bool_or(config, "reference_free", false))) {
    return refuse("reference_free", "there is no reference");
  }
  if (const Json* other = find(config, kReferenceOption); other != nullptr && !other->is_null()) {
    return refuse(kReferenceOption, "the policy can only be mixed into its own start");
  }
  ReferenceMoves moves;
  moves.alpha = TRY(get_double_or(config, "ref_model_mixup_alpha", 0.6));
  moves.steps = TRY(get_int_or(config, "ref_model_sync_steps", 512));
  if (moves.steps < 1) return invalid_input("ref_model_sync_steps: must be at least 1");
  return std::optional<ReferenceMoves>(moves);
}

}  // namespace attune::engine::train
