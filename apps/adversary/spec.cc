#include "apps/adversary/spec.h"

#include <algorithm>

namespace garrison::adversary {
namespace {

constexpr std::uint64_t kMostInRandomMix = 3;

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    parts.push_back(text.substr(0, text.find(at)));
    if (parts.back().size() == text.size()) return parts;
    text.remove_prefix(parts.back().size() + 1);
  }
}

template <typename Rows>
std::string names_of(const Rows& rows) {
  std::string names;
  for (const auto& row : rows) names.append(names.empty() ? "" : ", ").append(row.name);
  return names.empty() ? "none" : names;
}

Result<void> read_option(std::string_view text, Spec& spec) {
  const std::string_view name = text.substr(0, text.find('='));
  const std::string_view value = text.substr(std::min(text.size(), name.size() + 1));
  const auto& known = spec.kind->options;
  const auto option =
      std::find_if(known.begin(), known.end(), [&](const OptionOfKind& row) { return row.name == name; });
  if (option == known.end()) {
    return Error{spec.text + ": no option is called \"" + std::string(name) + "\"; there are: " + names_of(known)};
  }
  if (const auto wanted = wanted_instead(option->kind, value)) {
    return Error{spec.text + ": " + std::string(name) + " must be " + std::string(*wanted)};
  }
  spec.options.set(name, value);
  return {};
}

Result<Spec> parse_one(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  const auto kind =
      std::find_if(kinds().begin(), kinds().end(), [&](const Kind& row) { return row.name == parts.front(); });
  if (kind == kinds().end()) {
    return Error{"no adversary is called \"" + std::string(parts.front()) + "\"; there are: " + names_of(kinds()) +
                 ", " + names_of(presets())};
  }
  Spec spec{std::string(text), &*kind, {}};
  for (const OptionOfKind& option : kind->options) spec.options.set(option.name, option.initial);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (Result<void> read = read_option(parts[i], spec); !read) return read.error();
  }
  return spec;
}

}  // namespace

Result<std::vector<Spec>> parse_specs(std::string_view text) {
  std::vector<Spec> specs;
  for (const std::string_view part : split(text, ',')) {
    const auto preset =
        std::find_if(presets().begin(), presets().end(), [&](const Preset& row) { return row.name == part; });
    if (preset != presets().end()) {
      Result<std::vector<Spec>> chain = parse_specs(preset->specs);
      CHECK(chain.ok());
      specs.insert(specs.end(), chain.value().begin(), chain.value().end());
      continue;
    }
    Result<Spec> one = parse_one(part);
    if (!one) return one.error();
    specs.push_back(std::move(one).value());
  }
  return specs;
}

std::unique_ptr<ordering::OrderingCore> wrap(std::unique_ptr<ordering::OrderingCore> core,
                                             const std::vector<Spec>& specs, const Context& context) {
  for (const Spec& spec : specs) {
    Conspiracy::Record& record = context.conspiracy->record(context.self, spec.text, spec.kind->on_occasion);
    core = spec.kind->make(std::move(core), context, record, spec.options);
  }
  return core;
}

std::string random_specs(Rng& rng, config::LocalProtocol protocol) {
  std::string specs;
  std::vector<const Kind*> drawn;
  for (const std::uint64_t wanted = rng.between(1, kMostInRandomMix); drawn.size() < wanted;) {
    const Kind& kind = kinds()[rng.below(kinds().size())];
    const auto& examples = protocol == config::LocalProtocol::bft ? kind.bft_examples : kind.examples;
    if (examples.empty() || (drawn.empty() && kind.on_occasion)) continue;
    if (std::find(drawn.begin(), drawn.end(), &kind) != drawn.end()) continue;
    drawn.push_back(&kind);
    specs.append(specs.empty() ? "" : ",").append(examples[rng.below(examples.size())]);
  }
  return specs;
}

}  // namespace garrison::adversary
