#include "apps/lab/experiment.h"

#include <gtest/gtest.h>

#include "apps/lab/egress_meter.h"
#include "apps/lab/experiment_run.h"
#include "apps/lab/results.h"
#include "apps/lab/svg_plot.h"

namespace garrison::lab {
namespace {

constexpr std::string_view kSmall = R"(title = "Small"
source = "a test"
[run]
warmup = "500ms"
measure = "2s"
cost_table = "fast"
[site]
servers = 4
server_signatures = "rsa1024"
[network]
delay = "5ms"
jitter = "0ns"
egress_kbit_per_s = 10_000
[[network.pair]]
from = "A1"
to = "A2"
delay = "7ms"
[workload]
clients = [4, 20]
payload_bytes = 100
pattern = "co-located"
[prime]
eager = false
[[series]]
name = "plain"
title = "Plain"
paper = [{ clients = 20, updates_per_s = 850, latency_ms = 30 }]
[[series]]
name = "slow"
network = { delay = "20ms" }
prime = { pre_prepare_period = "50ms", delta_pp = "60ms" }
[[series]]
name = "other"
protocol = "bft"
bft = { timeout = "200ms" }
workload = { pattern = "all", over_network = true }
[[series]]
name = "attacked"
adversary = ["nobody-has-written-this"]
)";

Result<CostTable> fast_table(const std::string& name) {
  if (name != "fast") return Error{"no table " + name};
  CostTable table{.name = name, .processor = "", .cost = {}};
  table.cost[static_cast<std::size_t>(Operation::verify_client)] = microseconds(50);
  table.cost[static_cast<std::size_t>(Operation::frame)] = microseconds(5);
  return table;
}

Result<Experiment> parse(std::string_view text) { return parse_experiment(text, "dir/small.toml", fast_table); }

std::string fault(std::string text, std::string_view what, std::string_view instead) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  text.replace(at, what.size(), instead);
  const Result<Experiment> parsed = parse(text);
  return parsed.ok() ? "no fault" : parsed.error().message;
}

TEST(ExperimentTest, a_series_changes_single_keys_of_what_holds_for_all) {
  const Result<Experiment> parsed = parse(kSmall);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  const Experiment& experiment = parsed.value();
  EXPECT_EQ(experiment.name, "small");
  ASSERT_EQ(experiment.series.size(), 4U);
  const RunSetup& plain = experiment.series[0].setup;
  const RunSetup& slow = experiment.series[1].setup;
  EXPECT_EQ(plain.servers, 4U);
  EXPECT_EQ(plain.server_signatures, crypto::Scheme::modelled_rsa1024);
  EXPECT_EQ(plain.client_signatures, crypto::Scheme::modelled);
  EXPECT_EQ(plain.network.delay, milliseconds(5));
  EXPECT_EQ(plain.egress.bits_per_s, 10'000'000U);
  EXPECT_EQ(plain.pairs.at(0).to, ServerId(1));
  EXPECT_EQ(plain.clients, (std::vector<std::size_t>{4, 20}));
  EXPECT_EQ(plain.costs->name, "fast");
  EXPECT_EQ(slow.network.delay, milliseconds(20));
  EXPECT_EQ(slow.prime.pre_prepare_period, milliseconds(50));
  EXPECT_FALSE(slow.prime.eager);
  EXPECT_EQ(slow.egress.bits_per_s, 10'000'000U);
  EXPECT_EQ(experiment.series[0].paper.at(0).updates_per_s, 850U);
  const Series& other = experiment.series[2];
  EXPECT_EQ(other.protocol, config::LocalProtocol::bft);
  EXPECT_EQ(other.setup.bft.timeout, milliseconds(200));
  EXPECT_TRUE(other.setup.workload.over_network);
  EXPECT_FALSE(plain.workload.over_network);
}

TEST(ExperimentTest, what_this_version_cannot_run_says_so_with_its_place) {
  const Result<Experiment> parsed = parse(kSmall);
  ASSERT_TRUE(parsed.ok());
  EXPECT_FALSE(parsed.value().series[0].unavailable.has_value());
  ASSERT_TRUE(parsed.value().series[3].unavailable.has_value());
  EXPECT_EQ(parsed.value().series[3].unavailable->message.rfind("dir/small.toml:39:13: ", 0), 0U);
}

TEST(ExperimentTest, faults_are_told_with_line_and_column) {
  const std::string text(kSmall);
  EXPECT_EQ(fault(text, "servers = 4", "servers = 5"),
            "dir/small.toml:8:11: 5 is not 3f + 1; write 4, 7, 10, 13 or 16");
  EXPECT_EQ(fault(text, "delay = \"5ms\"", "dellay = \"5ms\""),
            "dir/small.toml:11:1: unknown key \"dellay\" in [network]; did you mean \"delay\"?");
  EXPECT_EQ(fault(text, "clients = [4, 20]", "clients = [4, \"x\"]"),
            "dir/small.toml:19:15: clients holds text; write integers");
  EXPECT_EQ(fault(text, "clients = [4, 20]", "clients = [4, 0]"),
            "dir/small.toml:19:15: clients = 0 is out of range; write an integer of 1..4096");
  EXPECT_EQ(fault(text, "cost_table = \"fast\"", "cost_table = \"fats\""), "dir/small.toml:6:14: no table fats");
  EXPECT_EQ(fault(text, "cost_table = \"fast\"", "cost_table = \"../fast\"").rfind("dir/small.toml:6:14:", 0), 0U);
  EXPECT_EQ(fault(text, "\"rsa1024\"", "\"rsa\""),
            "dir/small.toml:9:21: server_signatures = \"rsa\" is not known; use one of ed25519, rsa1024");
  EXPECT_EQ(fault(text, "to = \"A2\"", "to = \"B2\""), "dir/small.toml:16:6: \"B2\" is no server; write A1, A2, ...");
  EXPECT_EQ(fault(text, "name = \"slow\"", "name = \"plain\""),
            "dir/small.toml:28:1: series plain is there already; rename it");
  EXPECT_EQ(fault(text, "clients = [4, 20]\n", ""),
            "dir/small.toml:23:1: series plain has no clients; add clients to [workload]");
  EXPECT_EQ(fault(text, ", delta_pp = \"60ms\"", "").rfind("dir/small.toml:31:9: delta_pp is 20ms, below", 0), 0U)
      << fault(text, ", delta_pp = \"60ms\"", "");
  EXPECT_EQ(fault(text, "[[series]]", "[[series").rfind("dir/small.toml:24:", 0), 0U);
}

TEST(ExperimentTest, the_limit_is_what_the_network_or_the_processors_allow) {
  RunSetup setup;
  EXPECT_EQ(limit_updates_per_s(setup), 0);
  setup.servers = 7;
  setup.egress.bits_per_s = 10'000'000;
  setup.workload.payload_bytes = 512;
  // 7 x 10 Mbit/s over 6 receivers of 592 bytes, in frames of 1414 bytes that carry 1372.
  EXPECT_NEAR(limit_updates_per_s(setup), 7e7 / 48 / 592 * 1372 / 1414, 0.01);
  CostTable slow;
  slow.cost[static_cast<std::size_t>(Operation::verify_client)] = milliseconds(1);
  setup.costs = std::make_shared<const CostTable>(slow);
  EXPECT_NEAR(limit_updates_per_s(setup), 1000, 1e-6);
}

TEST(ExperimentTest, a_small_experiment_runs_the_same_way_twice_and_accounts_for_its_bytes) {
  const Result<Experiment> parsed = parse(kSmall);
  ASSERT_TRUE(parsed.ok());
  const Series& series = parsed.value().series[0];
  RunControl control;
  const std::optional<Point> point = run_point(series, 20, control);
  ASSERT_TRUE(point.has_value());
  EXPECT_EQ(point->violation, "");
  EXPECT_EQ(point->paper, 850U);
  EXPECT_GT(point->updates, 100U);
  EXPECT_DOUBLE_EQ(point->updates_per_s, static_cast<double>(point->updates) / 2);
  EXPECT_GE(point->p50_ms, 4 * 5);  // at least four messages one after the other, each 5 ms under way
  EXPECT_LE(point->p50_ms, point->p99_ms);
  EXPECT_GT(point->busiest_processor, 0);
  EXPECT_LT(point->busiest_processor, 1);
  EXPECT_EQ(point->client_timeouts, 0U);
  // Closed loop: clients = rate x latency (Little).
  EXPECT_NEAR(point->updates_per_s * point->latency_mean_ms / 1000, 20, 1.5);

  double sum = 0;
  for (const auto& [what, bytes] : point->egress_by) sum += bytes;
  EXPECT_NEAR(sum, point->egress_bytes_per_update, 0.01);
  EXPECT_GT(point->egress_by.at("PO-REQUEST"), 3 * 100);  // three receivers of every payload byte
  EXPECT_GT(point->egress_by.at("PRE-PREPARE"), 0);

  const std::optional<Point> again = run_point(series, 20, control);
  EXPECT_EQ(again->updates, point->updates);
  EXPECT_EQ(again->events, point->events);
  EXPECT_EQ(again->latency_mean_ms, point->latency_mean_ms);
}

TEST(ExperimentTest, clients_that_send_to_servers_elsewhere_use_the_egress_and_the_network) {
  const Result<Experiment> parsed = parse(kSmall);
  ASSERT_TRUE(parsed.ok());
  RunControl control;
  const std::optional<Point> point = run_point(parsed.value().series[2], 20, control);
  ASSERT_TRUE(point.has_value());
  EXPECT_EQ(point->violation, "");
  EXPECT_GT(point->updates, 100U);
  EXPECT_EQ(point->view, 0U);
  EXPECT_GE(point->p50_ms, 5 * 5);  // to the leader, PRE-PREPARE, PREPARE, COMMIT, another server's reply
  EXPECT_GT(point->egress_by.at("clients' connections"), 3 * (100 + 64));  // each update, signed, to three servers
  EXPECT_GT(point->egress_by.at("COMMIT"), 0);
  EXPECT_GT(point->busiest_egress, 0);
  EXPECT_LE(point->busiest_egress, 1);
}

constexpr std::string_view kSites = R"(title = "Sites"
[run]
warmup = "1s"
measure = "2s"
[site]
servers = 4
[network]
delay = "50us"
[sites]
count = 4
signatures = "rsa1024"
[wan]
delay = "20ms"
egress_kbit_per_s = 20_000
[global]
sign_period = "30ms"
[workload]
clients = [8]
payload_bytes = 100
[[series]]
name = "erasure"
[[series]]
name = "naive"
sites = { link = "naive" }
wan = { fair_uplinks = true }
)";

TEST(ExperimentTest, several_sites_run_over_the_link_that_is_asked_for) {
  const Result<Experiment> parsed = parse(kSites);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  const RunSetup& setup = parsed.value().series[0].setup;
  EXPECT_EQ(setup.sites.global.f, 1U);
  EXPECT_EQ(setup.sites.global.sign_period, milliseconds(30));
  EXPECT_FALSE(setup.sites.fair_uplinks);
  EXPECT_TRUE(parsed.value().series[1].setup.sites.fair_uplinks);
  // 4 x 20 Mbit/s to 3 sites, and two bytes sent for each: 180 bytes of an update, in frames of 1414 that carry 1372.
  EXPECT_NEAR(limit_updates_per_s(setup), 8e7 / 24 / 180 / 2 * 1372 / 1414, 0.01);
  EXPECT_NEAR(limit_updates_per_s(parsed.value().series[1].setup), 8e7 / 24 / 180 / 4 * 1372 / 1414, 0.01);
  RunControl control;
  const std::optional<Point> point = run_point(parsed.value().series[0], 8, control);
  ASSERT_TRUE(point.has_value());
  EXPECT_EQ(point->violation, "");
  EXPECT_GT(point->updates, 20U);
  EXPECT_GE(point->p50_ms, 4 * 20);
  EXPECT_GT(point->busiest_egress, 0);
  EXPECT_LE(point->busiest_egress, 1);
  double sum = 0;
  for (const auto& [what, bytes] : point->egress_by) sum += bytes;
  EXPECT_NEAR(sum, point->egress_bytes_per_update, 0.01);
  EXPECT_GT(point->inside_links_by.at("PO-REQUEST"), 3 * 100);  // to three sites
  double inside = 0;
  for (const auto& [what, bytes] : point->inside_links_by) inside += bytes;
  EXPECT_GT(point->egress_by.at("LINK-PART"), 2 * inside);  // four parts, each half of it, and signed
}

TEST(ExperimentTest, an_adversary_among_several_sites_is_refused) {
  EXPECT_NE(fault(std::string(kSites), "name = \"erasure\"", "name = \"erasure\"\nadversary = [\"A1=silent\"]")
                .find("an adversary has the servers of one site; take it away"),
            std::string::npos);
}

TEST(ExperimentTest, a_run_that_is_told_to_stop_has_no_result) {
  const Result<Experiment> parsed = parse(kSmall);
  ASSERT_TRUE(parsed.ok());
  RunControl control;
  control.stop = true;
  EXPECT_FALSE(run_point(parsed.value().series[0], 4, control).has_value());
}

// Counts elements and checks that every one that is opened is closed.
void expect_well_formed(const std::string& svg) {
  std::vector<std::string> open;
  for (std::size_t at = svg.find('<'); at != std::string::npos; at = svg.find('<', at + 1)) {
    const std::size_t end = svg.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = svg.substr(at + 1, end - at - 1);
    ASSERT_EQ(tag.find('<'), std::string::npos);
    const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
    if (tag.front() == '/') {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ("/" + open.back(), tag);
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
  }
  EXPECT_TRUE(open.empty());
}

TEST(ResultsTest, figures_are_well_formed_and_show_the_paper) {
  Result<Experiment> parsed = parse(kSmall);
  ASSERT_TRUE(parsed.ok());
  parsed.value().title = "A < B & \"C\"";
  const std::vector<Point> points{{.series = "plain", .clients = 20, .updates_per_s = 700, .latency_mean_ms = 29},
                                  {.series = "plain", .clients = 4, .updates_per_s = 150, .latency_mean_ms = 25}};
  for (const std::string& svg : {throughput_svg(parsed.value(), points), latency_svg(parsed.value(), points)}) {
    expect_well_formed(svg);
    EXPECT_NE(svg.find("A &lt; B &amp; &quot;C&quot;"), std::string::npos);
    EXPECT_NE(svg.find("Plain, the paper"), std::string::npos);
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(svg.find("slow"), std::string::npos);  // a series that was not run
  }
  EXPECT_NE(throughput_svg(parsed.value(), points).find("physical limit"), std::string::npos);
  expect_well_formed(throughput_svg(parsed.value(), {}));
}

TEST(ResultsTest, a_csv_has_one_line_per_point_and_equally_many_fields_in_each) {
  const std::string csv = to_csv({{.series = "a", .clients = 1, .updates_per_s = 2.5, .paper = 7},
                                  {.series = "b", .clients = 2, .updates_per_s = 3, .limit_updates_per_s = 9}});
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < csv.size(); at = csv.find('\n', at) + 1) {
    lines.push_back(csv.substr(at, csv.find('\n', at) - at));
  }
  ASSERT_EQ(lines.size(), 3U);
  for (const std::string& line : lines) EXPECT_EQ(std::count(line.begin(), line.end(), ','), 10) << line;
  EXPECT_EQ(lines[1].rfind("a,1,2.5,", 0), 0U);
  EXPECT_NE(lines[1].find(",7,"), std::string::npos);
  EXPECT_NE(lines[2].find(",9.0,,"), std::string::npos);
}

TEST(ResultsTest, a_file_that_cannot_be_written_leaves_nothing_behind) {
  EXPECT_FALSE(write_file("/nonexistent/a.csv", "text").ok());
  const std::string path = ::testing::TempDir() + "garrison-results-test.csv";
  ASSERT_TRUE(write_file(path, "text").ok());
  std::FILE* unfinished = std::fopen((path + ".unfinished").c_str(), "r");
  EXPECT_EQ(unfinished, nullptr);
  EXPECT_EQ(std::remove(path.c_str()), 0);
}

}  // namespace
}  // namespace garrison::lab
