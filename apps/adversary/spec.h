// Adversaries as text, the same for the lab, scenario files and a node's command line:
//
//   spec   = name { ":" option "=" value }         silent:types=PREPARE+COMMIT:to=A2
//   specs  = spec { "," spec }                     withhold-requests:to=f,ack-only-faulty
//
// Several specs for one server are chained in their order: the first is next to the core, the last next to the wire.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/adversary/adversary.h"
#include "apps/adversary/options.h"
#include "dataplane/base/result.h"

namespace garrison::adversary {

struct OptionOfKind {
  std::string_view name;
  ValueKind kind{};
  std::string_view initial;  // its value where the spec says nothing
};

// One row of the table of adversaries.
struct Kind {
  std::string_view name;
  std::string_view summary;  // one line for people
  std::vector<OptionOfKind> options;
  std::vector<std::string_view> examples;  // specs that random mixes draw from; the first one acts in any busy run
  // Acts only where its server leads, while leaders change, or when a request did not reach everyone.
  bool on_occasion = false;
  std::unique_ptr<Adversary> (*make)(std::unique_ptr<ordering::OrderingCore> core, const Context& context,
                                     Conspiracy::Record& record, const Options& options);
  std::vector<std::string_view> bft_examples{};  // as `examples`, where BFT orders; none: it would never act there
};

[[nodiscard]] std::span<const Kind> kinds();

// Names that stand for a whole chain where a spec may stand.
struct Preset {
  std::string_view name;
  std::string_view summary;
  std::string_view specs;
};
[[nodiscard]] std::span<const Preset> presets();

struct Spec {
  std::string text;
  const Kind* kind = nullptr;  // in kinds()
  Options options;             // one value for each option of the kind
};

// The error names what is wrong and what would be right.
[[nodiscard]] Result<std::vector<Spec>> parse_specs(std::string_view text);

// `core` inside the chain of `specs`. Adds one record per spec to context.conspiracy.
[[nodiscard]] std::unique_ptr<ordering::OrderingCore> wrap(std::unique_ptr<ordering::OrderingCore> core,
                                                           const std::vector<Spec>& specs, const Context& context);

// One to three specs for one server, of different kinds, drawn from their examples. The first acts in any busy run.
[[nodiscard]] std::string random_specs(Rng& rng, config::LocalProtocol protocol);

}  // namespace garrison::adversary
