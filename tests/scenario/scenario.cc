#include "tests/scenario/scenario.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

#include "apps/adversary/options.h"
#include "control/config/names.h"
#include "control/config/text_values.h"
#include "tests/scenario/site.h"

namespace garrison::scenario {
namespace {

constexpr Duration kPatience = seconds(20);  // of virtual time, for what is left at the end
constexpr Duration kStretch = milliseconds(500);

struct Fault {
  std::string what;
};
// Scenarios are test code: the first fault ends the run.
[[noreturn]] void fail(std::string what) { throw Fault{std::move(what)}; }

std::string name_of(ServerId server) { return config::server_name(SiteId(0), server); }

// The words of one line, taken from the front.
class Words {
 public:
  // `n` servers have names.
  Words(std::string_view line, std::size_t n) : n_(n) {
    std::istringstream in{std::string(line.substr(0, line.find('#')))};
    for (std::string word; in >> word;) words_.push_back(word);
  }
  [[nodiscard]] bool empty() const { return at_ == words_.size(); }
  bool take(std::string_view word) {
    if (empty() || words_[at_] != word) return false;
    return ++at_, true;
  }
  std::string next(std::string_view what) {
    if (empty()) fail("expected " + std::string(what) + " at the end of the line");
    return words_[at_++];
  }
  [[nodiscard]] std::string_view peek() const { return empty() ? std::string_view() : words_[at_]; }

  std::uint64_t number(std::string_view what) {
    const std::string word = next(what);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size()) fail(word + " is no number");
    return value;
  }
  [[nodiscard]] bool number_follows() const {
    return !peek().empty() && peek().front() >= '0' && peek().front() <= '9';
  }
  Duration duration() {
    const std::string word = next("a time");
    const auto value = config::parse_duration(word);
    if (!value) fail(word + " is no time; write 20ms");
    return *value;
  }
  ServerId server() {
    const std::string word = next("a server");
    const auto name = config::parse_server_name(word);
    if (!name || name->first != SiteId(0) || name->second.index() >= n_) fail(word + " is no server of this site");
    return name->second;
  }
  std::vector<message::MessageType> types() {
    const std::string word = next("types of messages");
    auto types = adversary::parse_types(word);
    if (!types) fail(word + " names no messages between servers");
    return std::move(*types);
  }
  // `all`, or one name or more.
  ServerSet servers() {
    if (take("all")) return ServerSet::all(n_);
    ServerSet set = ServerSet::only(server());
    while (config::parse_server_name(peek())) set.insert(server());
    return set;
  }

 private:
  std::size_t n_;
  std::vector<std::string> words_;
  std::size_t at_ = 0;
};

class Run {
 public:
  explicit Run(ServerSet faulty) : faulty_(faulty) {}

  void line(std::string_view text) {
    Words words(text, n_);
    if (words.empty()) return;
    if (stuck_) fail("nothing may follow `expect stuck`");
    const std::string verb = words.next("a command");
    const auto command = commands().find(verb);
    if (command == commands().end()) fail("there is no command `" + verb + "`");
    (this->*command->second)(words);
    if (!words.empty()) fail("`" + std::string(words.peek()) + "` is one word too many");
    check_invariants();
  }

  void end() {
    Site& site = this->site();
    site.heal();
    site.release();
    for (Duration waited; waited < kPatience && site.unexecuted().has_value(); waited = waited + kStretch) {
      site.advance(kStretch);
      check_invariants();
    }
    const auto left = site.unexecuted();
    if (stuck_ && !left.has_value()) fail("expected to be stuck, but everything was executed");
    if (!stuck_ && left.has_value()) fail("liveness: " + *left);
  }

 private:
  using Command = void (Run::*)(Words&);
  static const std::map<std::string, Command, std::less<>>& commands();
  static const std::map<std::string, Command, std::less<>>& expectations();

  // Servers start when the script first needs them.
  Site& site() {
    if (n_ == 0) fail("the first line must be `site N`");
    if (site_ == nullptr) {
      Cores cores{.protocol = protocol_};
      cores.prime = [this](prime::PrimeConfig& config) {
        for (const auto& change : prime_changes_) change(config);
      };
      cores.bft = [this](bft::BftConfig& config) {
        for (const auto& change : bft_changes_) change(config);
      };
      site_ = std::make_unique<Site>(n_, f_, faulty_, cores);
    }
    return *site_;
  }
  void check_invariants() {
    if (site_ != nullptr && site_->violation().has_value()) fail(*site_->violation());
  }
  void at_each(Words& words, const std::function<void(ServerId)>& check) {
    const ServerSet where = words.take("at") ? words.servers() : site().correct();
    where.for_each(check);
  }
  Rule rule(Words& words) {
    Rule rule{words.types(), ServerSet::all(n_), ServerSet::all(n_), std::nullopt};
    if (words.take("from")) rule.from = words.servers();
    if (words.take("to")) rule.to = words.servers();
    return rule;
  }
  Rule counted_rule(Words& words) {
    Rule counted = rule(words);
    if (words.number_follows()) {
      counted.times = words.number("a count");
      if (!words.take("times")) fail("expected `times` after the count");
      if (counted.times == 0) fail("0 times is never");
    }
    return counted;
  }

  void site_line(Words& words);
  void set(Words& words);
  void set_of_prime(const std::string& option, Words& words);
  void set_of_bft(const std::string& option, Words& words);
  void delay(Words& words) { site().set_delay(words.duration()); }
  void corrupt(Words& words);
  void submit(Words& words);
  void lose(Words& words) { site().lose(counted_rule(words)); }
  void hold(Words& words) { site().hold(counted_rule(words)); }
  void release(Words& /*words*/) { site().release(); }
  void crash(Words& words) { site().crash(words.server()); }
  void partition(Words& words);
  void heal(Words& /*words*/) { site().heal(); }
  void advance(Words& words) { site().advance(words.duration()); }
  void deliver(Words& words) {
    if (!words.take("all")) fail("expected `deliver all`");
    site().deliver_all();
  }
  void expect(Words& words);

  void expect_executed(Words& words);
  void expect_view(Words& words);
  void expect_leader(Words& words);
  void expect_blacklisted(Words& words);
  void expect_blamed(Words& words);
  void expect_dropped(Words& words);
  void expect_sent(Words& words);
  void expect_unsent(Words& words);
  void expect_acted(Words& words);
  void expect_stuck(Words& /*words*/) { stuck_ = true; }

  ServerSet faulty_;
  std::size_t n_ = 0;
  std::size_t f_ = 0;
  config::LocalProtocol protocol_ = config::LocalProtocol::prime;
  std::vector<std::function<void(prime::PrimeConfig&)>> prime_changes_;
  std::vector<std::function<void(bft::BftConfig&)>> bft_changes_;
  std::unique_ptr<Site> site_;
  bool stuck_ = false;
};

const std::map<std::string, Run::Command, std::less<>>& Run::commands() {
  static const std::map<std::string, Command, std::less<>> kCommands{
      {"site", &Run::site_line},      {"set", &Run::set},         {"delay", &Run::delay},
      {"adversary", &Run::corrupt},   {"submit", &Run::submit},   {"lose", &Run::lose},
      {"hold", &Run::hold},           {"release", &Run::release}, {"crash", &Run::crash},
      {"partition", &Run::partition}, {"heal", &Run::heal},       {"advance", &Run::advance},
      {"deliver", &Run::deliver},     {"expect", &Run::expect},
  };
  return kCommands;
}

const std::map<std::string, Run::Command, std::less<>>& Run::expectations() {
  static const std::map<std::string, Command, std::less<>> kExpectations{
      {"executed", &Run::expect_executed}, {"view", &Run::expect_view},
      {"leader", &Run::expect_leader},     {"blacklisted", &Run::expect_blacklisted},
      {"blamed", &Run::expect_blamed},     {"dropped", &Run::expect_dropped},
      {"sent", &Run::expect_sent},         {"unsent", &Run::expect_unsent},
      {"acted", &Run::expect_acted},       {"stuck", &Run::expect_stuck},
  };
  return kExpectations;
}

void Run::site_line(Words& words) {
  if (n_ != 0) fail("`site` stands once, in the first line");
  n_ = words.number("the number of servers");
  f_ = words.take("f") ? words.number("the number of faults") : (n_ - 1) / 3;
  if (words.take("bft")) protocol_ = config::LocalProtocol::bft;
  if (n_ == 0 || n_ > kMaxServersPerSite || n_ < 3 * f_ + 1) fail("a site has 3f+1 to 16 servers");
  if (faulty_.size() > f_) fail("more adversaries than faults");
}

void Run::set(Words& words) {
  if (n_ == 0) fail("the first line must be `site N`");
  if (site_ != nullptr) fail("`set` stands before anything happens");
  const std::string option = words.next("an option");
  if (protocol_ == config::LocalProtocol::bft) return set_of_bft(option, words);
  set_of_prime(option, words);
}

void Run::set_of_prime(const std::string& option, Words& words) {
  static const std::map<std::string, Duration prime::PrimeConfig::*, std::less<>> kPeriods{
      {"po-period", &prime::PrimeConfig::po_period},
      {"summary-period", &prime::PrimeConfig::summary_period},
      {"matrix-period", &prime::PrimeConfig::matrix_period},
      {"pre-prepare-period", &prime::PrimeConfig::preprepare_period},
      {"retransmit-period", &prime::PrimeConfig::retransmit_period},
  };
  static const std::map<std::string, bool prime::PrimeConfig::*, std::less<>> kSwitches{
      {"eager", &prime::PrimeConfig::eager},
      {"flood-on-request", &prime::PrimeConfig::flood_on_request},
  };
  if (const auto found = kSwitches.find(option); found != kSwitches.end()) {
    const bool on = words.take("on");
    if (!on && !words.take("off")) fail(option + " is on or off");
    prime_changes_.emplace_back([field = found->second, on](prime::PrimeConfig& config) { config.*field = on; });
  } else if (const auto period = kPeriods.find(option); period != kPeriods.end()) {
    prime_changes_.emplace_back(
        [field = period->second, value = words.duration()](prime::PrimeConfig& config) { config.*field = value; });
  } else {
    fail("there is no option `" + option + "`");
  }
}

void Run::set_of_bft(const std::string& option, Words& words) {
  static const std::map<std::string, Duration bft::BftConfig::*, std::less<>> kDurations{
      {"timeout", &bft::BftConfig::timeout},
      {"retransmit-period", &bft::BftConfig::retransmit_period},
  };
  const auto duration = kDurations.find(option);
  if (duration == kDurations.end()) fail("BFT has no option `" + option + "`");
  bft_changes_.emplace_back(
      [field = duration->second, value = words.duration()](bft::BftConfig& config) { config.*field = value; });
}

void Run::corrupt(Words& words) {
  const ServerId server = words.server();
  const Result<std::vector<adversary::Spec>> specs = adversary::parse_specs(words.next("adversaries"));
  if (!specs) fail(specs.error().message);
  site().corrupt(server, specs.value());
}

void Run::submit(Words& words) {
  const ServerId to = words.server();
  for (std::uint64_t left = words.number_follows() ? words.number("a count") : 1; left > 0; --left) site().submit(to);
}

void Run::partition(Words& words) {
  std::vector<ServerSet> groups;
  do {
    groups.push_back(words.servers());
  } while (words.take("|"));
  site().partition(std::move(groups));
}

void Run::expect(Words& words) {
  const std::string what = words.next("what to expect");
  const auto expectation = expectations().find(what);
  if (expectation == expectations().end()) fail("nothing called `" + what + "` can be expected");
  (this->*expectation->second)(words);
}

void Run::expect_executed(Words& words) {
  const bool at_least = words.take("at") && (words.take("least") || (fail("expected `at least`"), false));
  const std::uint64_t wanted = words.number("a number of updates");
  at_each(words, [&](ServerId id) {
    const std::size_t count = site().executed(id).size();
    if (at_least ? count < wanted : count != wanted) {
      fail(name_of(id) + " has executed " + std::to_string(count) + " updates");
    }
  });
}

void Run::expect_view(Words& words) {
  const View wanted(words.number("a view"));
  at_each(words, [&](ServerId id) {
    const View view = site().status(id).view;
    if (view != wanted) fail(name_of(id) + " is in view " + std::to_string(view.value()));
  });
}

void Run::expect_leader(Words& words) {
  const ServerId wanted = words.server();
  at_each(words, [&](ServerId id) {
    const ServerId leader = site().status(id).leader;
    if (leader != wanted) fail(name_of(id) + " follows " + name_of(leader));
  });
}

void expect_named(ServerId by, ServerSet named, std::optional<ServerId> wanted, const char* verb) {
  if (wanted.has_value() ? named.contains(*wanted) : named.empty()) return;
  std::string names;
  named.for_each([&](ServerId id) { names += " " + name_of(id); });
  fail(name_of(by) + " has " + verb + (names.empty() ? " nobody" : names));
}

void Run::expect_blacklisted(Words& words) {
  const auto wanted = words.take("nobody") ? std::nullopt : std::optional(words.server());
  at_each(words, [&](ServerId id) { expect_named(id, site().status(id).blacklist, wanted, "blacklisted"); });
}

void Run::expect_blamed(Words& words) {
  const auto wanted = words.take("nobody") ? std::nullopt : std::optional(words.server());
  at_each(words, [&](ServerId id) { expect_named(id, site().blamed(id), wanted, "blamed"); });
}

void Run::expect_dropped(Words& words) {
  const std::string reason_name = words.next("a drop reason");
  std::size_t reason = 0;
  while (reason < kDropReasons && name(static_cast<DropReason>(reason)) != reason_name) ++reason;
  if (reason == kDropReasons) fail(reason_name + " is no drop reason");
  at_each(words, [&](ServerId id) {
    if (site().dropped(id, static_cast<DropReason>(reason)) == 0) fail(name_of(id) + " has dropped nothing for that");
  });
}

void Run::expect_sent(Words& words) {
  if (site().sent(rule(words)) == 0) fail("none was sent");
}

void Run::expect_unsent(Words& words) {
  if (const std::uint64_t count = site().sent(rule(words)); count > 0) fail(std::to_string(count) + " were sent");
}

void Run::expect_acted(Words& words) {
  const ServerId server = words.server();
  bool known = false;
  for (const adversary::Conspiracy::Record& record : site().conspiracy().records()) {
    if (record.server != server) continue;
    known = true;
    if (record.acted.get() == 0) fail(record.spec + " at " + name_of(server) + " never acted");
  }
  if (!known) fail(name_of(server) + " is no adversary yet");
}

template <typename Visit>
void each_line(std::string_view text, const Visit& visit) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    visit(number, line);
  }
}

// Who is an adversary sooner or later: what they hear before counts for nothing either.
ServerSet adversaries_in(std::string_view text) {
  ServerSet faulty;
  each_line(text, [&](std::size_t, std::string_view line) {
    Words words(line, kMaxServersPerSite);
    if (!words.take("adversary")) return;
    if (const auto name = config::parse_server_name(words.peek())) faulty.insert(name->second);
  });
  return faulty;
}

}  // namespace

std::string run_scenario(std::string_view file, std::string_view text) {
  std::size_t at = 0;
  try {
    Run run(adversaries_in(text));
    each_line(text, [&](std::size_t number, std::string_view line) {
      at = number;
      run.line(line);
    });
    run.end();
  } catch (const Fault& fault) {
    return std::string(file) + ":" + std::to_string(at) + ": " + fault.what;
  }
  return {};
}

}  // namespace garrison::scenario
