#include "apps/adversary/attack.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>

#include "control/config/names.h"

namespace garrison::adversary {
namespace {

constexpr std::string_view kRandom = "random";

std::optional<std::size_t> parse_count(std::string_view text) {
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return count;
}

ServerSet draw(std::size_t count, std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  ServerSet drawn;
  while (drawn.size() < count) {
    const std::uint64_t next = seed == 0 ? drawn.size() : rng.below(n);
    drawn.insert(ServerId(static_cast<std::uint16_t>(next)));
  }
  return drawn;
}

std::optional<ServerId> parse_server(std::string_view name, const AttackedSite& site) {
  const auto server = config::parse_server_name(name);
  const bool known = server.has_value() && server->first == site.site && server->second.index() < site.n;
  return known ? std::optional(server->second) : std::nullopt;
}

Error unknown_server(std::string_view name) {
  return Error{"faulty servers: " + std::string(name) + " is no server of this site"};
}

Error wrong_number(const AttackedSite& site) {
  return Error{"faulty servers: name 1 to " + std::to_string(site.f) + " of them, or say how many"};
}

Result<ServerSet> faulty_servers(std::string_view text, const AttackedSite& site, std::uint64_t seed) {
  if (const auto count = parse_count(text); count.has_value()) {
    if (*count > site.f) return wrong_number(site);
    return draw(*count, site.n, seed);
  }
  ServerSet faulty;
  while (!text.empty()) {
    const std::string_view name = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), name.size() + 1));
    const auto server = parse_server(name, site);
    if (!server.has_value()) return unknown_server(name);
    faulty.insert(*server);
  }
  return faulty;
}

std::string name_in(const std::function<std::string(ServerId)>& name_of, ServerId server) {
  return name_of ? name_of(server) : config::server_name(SiteId(0), server);
}

}  // namespace

AttackedSite attacked_site(const config::Topology& topology, SiteId site) {
  return {topology.system,         topology.crypto.epoch, site,
          topology.site(site).n(), topology.site(site).f, topology.local_protocol};
}

Result<Attack> Attack::make(const AttackText& text, const AttackedSite& site, std::uint64_t seed) {
  const Result<ServerSet> faulty = faulty_servers(text.faulty, site, seed);
  if (!faulty) return faulty.error();
  Rng rng(seed);
  Texts specs;
  faulty.value().for_each(
      [&](ServerId server) { specs[server] = text.specs == kRandom ? random_specs(rng, site.protocol) : text.specs; });
  return make(specs, site, seed);
}

Result<Attack> Attack::make(const std::vector<std::string>& entries, const AttackedSite& site, std::uint64_t seed) {
  Texts specs;
  for (const std::string& entry : entries) {
    const std::string_view name = std::string_view(entry).substr(0, entry.find('='));
    const auto server = parse_server(name, site);
    if (!server.has_value()) return unknown_server(name);
    specs[*server] = entry.substr(std::min(entry.size(), name.size() + 1));
  }
  return make(specs, site, seed);
}

Result<Attack> Attack::make(const Texts& specs, const AttackedSite& site, std::uint64_t seed) {
  if (specs.empty() || specs.size() > site.f) return wrong_number(site);
  Attack attack;
  attack.site_ = site;
  attack.seed_ = seed;
  ServerSet faulty;
  for (const auto& [server, text] : specs) {
    faulty.insert(server);
    Result<std::vector<Spec>> parsed = parse_specs(text);
    if (!parsed) return parsed.error();
    attack.specs_[server] = std::move(parsed).value();
  }
  attack.conspiracy_ = std::make_shared<Conspiracy>(site.n, site.f, faulty);
  return attack;
}

std::unique_ptr<ordering::OrderingCore> Attack::corrupt(ServerId server,
                                                        std::unique_ptr<ordering::OrderingCore> core) const {
  const auto specs = specs_.find(server);
  if (specs == specs_.end()) return core;
  const crypto::Principal self = site_.of_sites ? crypto::Principal::of_site(SiteId(server.value()))
                                                : crypto::Principal::server(site_.site, server);
  const message::Envelope envelope{site_.system, self, site_.epoch};
  return wrap(std::move(core), specs->second, {envelope, server, conspiracy_, seed_, site_.protocol});
}

std::optional<std::string> find_idle(const AttackText& text, const Conspiracy& conspiracy,
                                     const std::function<std::string(ServerId)>& name_of) {
  struct Acts {
    std::uint64_t times = 0;
    bool on_occasion = true;
  };
  std::map<std::string, Acts> acts;
  bool beside = false;  // something that acts in any busy run did
  for (const Conspiracy::Record& record : conspiracy.records()) {
    const std::uint64_t times = record.acted.get();
    Acts& of = acts[text.specs == kRandom ? name_in(name_of, record.server) : record.spec];
    of.times += times;
    of.on_occasion = of.on_occasion && record.on_occasion;
    beside = beside || (times > 0 && !record.on_occasion);
  }
  for (const auto& [who, of] : acts) {
    if (of.times == 0 && !(of.on_occasion && beside)) return who + " never acted";
  }
  return std::nullopt;
}

std::string describe_acts(const Conspiracy& conspiracy, const std::function<std::string(ServerId)>& name_of) {
  std::string text;
  for (const Conspiracy::Record& record : conspiracy.records()) {
    const std::uint64_t times = record.acted.get();
    const std::string who = name_in(name_of, record.server);
    text += (text.empty() ? "" : ", ") + who + " " + record.spec + " " +
            (times == 0 ? "never" : std::to_string(times) + " times");
  }
  return text;
}

}  // namespace garrison::adversary
