#include "apps/client/native_client.h"

#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <future>
#include <string>

#include "control/config/topology_text.h"
#include "control/service/kv_operation.h"
#include "tests/unit/native_client/test_site.h"

namespace garrison::client {
namespace {

Bytes set(std::string_view key, std::string_view value) {
  return service::encode(service::KvSet{as_bytes(key), as_bytes(value), service::SetCondition::always}).value();
}
Bytes get(std::string_view key) { return service::encode(service::KvGet{as_bytes(key)}).value(); }
Bytes incr(std::string_view key) { return service::encode(service::KvIncrBy{as_bytes(key), 1}).value(); }

// What redis-cli would print, roughly; errors of the client in brackets.
std::string shown(const Result<Bytes>& result) {
  if (!result.ok()) return "[" + result.error().message + "]";
  const auto reply = service::decode_kv_reply(result.value());
  if (!reply.has_value()) return "?";
  if (reply->kind == service::KvReply::Kind::integer) return std::to_string(reply->integer);
  if (reply->kind == service::KvReply::Kind::nil) return "nil";
  return {reply->bytes.begin(), reply->bytes.end()};
}

std::unique_ptr<NativeClient> open(const TestSite& site, const NativeClient::Config& config, std::size_t client = 0) {
  auto made = NativeClient::make(config, site.bundle(client), site.directory());
  CHECK(made.ok());
  return std::move(made).value();
}

TEST(NativeClientTest, gets_what_the_servers_agree_on) {
  TestSite site;
  site.start_all();
  const auto client = open(site, site.config());
  EXPECT_EQ(shown(client->call(set("k", "v"))), "OK");
  EXPECT_EQ(shown(client->call(get("k"))), "v");
  EXPECT_EQ(shown(client->call(get("none"))), "nil");
  EXPECT_EQ(site.executed(), 3U);
}

// A and C have four servers, B has seven.
config::Topology three_sites() {
  std::string text = config::new_topology_text({.system = SystemId(7), .sites = 3, .servers = 7}).value();
  const auto cut = [&](const std::string& name, const std::string& next) {
    const std::size_t site = text.find("[[site]]\nname = \"" + name + "\"");
    text.replace(text.find("f = 2", site), 5, "f = 1");
    const std::size_t fifth = text.find("[[site.server]]\nname = \"" + name + "5\"");
    text.erase(fifth, next.empty() ? std::string::npos : text.find("[[site]]\nname = \"" + next + "\"") - fifth);
  };
  cut("C", "");
  cut("A", "B");
  return config::parse_topology(text, "t.toml").value();
}

TEST(NativeClientTest, talks_to_the_servers_of_its_site_and_believes_as_many_as_that_site_takes) {
  const config::Topology topology = three_sites();
  for (const std::uint32_t client : {0U, 1U, 2U, 3U}) {
    const NativeClient::Config config = NativeClient::config_from(topology, ClientId(client));
    const config::SiteSettings& home = topology.sites[client % 3];
    EXPECT_EQ(config.site, home.id);
    EXPECT_EQ(config.faults, client == 1 ? 2U : 1U);
    ASSERT_EQ(config.servers.size(), client == 1 ? 7U : 4U);
    for (std::size_t i = 0; i < home.n(); ++i) EXPECT_EQ(config.servers[i], home.servers[i].client);
  }
}

TEST(NativeClientTest, works_with_f_servers_silent_whichever_they_are) {
  TestSite site;
  site.start_all();
  const auto client = open(site, site.config());
  for (std::size_t silent = 0; silent < TestSite::kServers; ++silent) {
    site.set_conduct(silent, Conduct::silent);
    EXPECT_EQ(shown(client->call(incr("n"))), std::to_string(2 * silent + 1));
    EXPECT_EQ(shown(client->call(incr("n"))), std::to_string(2 * silent + 2));
    site.set_conduct(silent, Conduct::honest);
  }
}

TEST(NativeClientTest, works_with_f_servers_down_whichever_they_are) {
  TestSite site;
  site.start_all();
  const auto client = open(site, site.config());
  for (std::size_t down = 0; down < TestSite::kServers; ++down) {
    site.stop(down);
    EXPECT_EQ(shown(client->call(incr("n"))), std::to_string(down + 1));
    site.start(down);
  }
}

TEST(NativeClientTest, takes_no_lie_of_f_servers_for_a_result) {
  TestSite site;
  site.start_all();
  site.set_conduct(0, Conduct::lying);
  const auto client = open(site, site.config());
  for (int i = 1; i <= 20; ++i) EXPECT_EQ(shown(client->call(incr("n"))), std::to_string(i));
}

NativeClient::Config reading_within(const TestSite& site, std::size_t client = 0) {
  NativeClient::Config config = site.config(client);
  config.reads = Reads::site;
  config.query_timeout = seconds(120);  // servers that are asked answer, when the machine lets them
  return config;
}

TEST(NativeClientTest, queries_are_ordered_unless_a_client_wants_them_answered_within_its_site) {
  TestSite site;
  site.start_all();
  const auto ordering = open(site, site.config());
  EXPECT_EQ(shown(ordering->call(set("k", "v"))), "OK");
  EXPECT_EQ(shown(ordering->call_query(get("k"))), "v");
  EXPECT_EQ(site.executed(), 2U);
  EXPECT_EQ(site.answered(0), 0U);

  const auto reading = open(site, reading_within(site, 1), 1);
  EXPECT_EQ(shown(reading->call_query(get("k"))), "v");
  EXPECT_EQ(shown(reading->call_query(get("none"))), "nil");
  EXPECT_EQ(site.executed(), 2U);
  EXPECT_EQ(reading->stats().answered, 2U);
  EXPECT_EQ(shown(reading->call(get("k"))), "v") << "what is submitted is ordered";
  EXPECT_EQ(site.executed(), 3U);
}

TEST(NativeClientTest, reads_its_own_writes_and_never_back_behind_what_it_read) {
  TestSite site;
  site.start_all();
  const auto client = open(site, reading_within(site));
  for (int i = 1; i <= 50; ++i) {
    EXPECT_EQ(shown(client->call(incr("n"))), std::to_string(i));
    EXPECT_EQ(shown(client->call_query(get("n"))), std::to_string(i));
  }
  EXPECT_EQ(site.executed(), 50U);
}

TEST(NativeClientTest, takes_no_lie_of_f_servers_for_an_answer_and_needs_no_laggard) {
  TestSite site;
  site.start_all();
  const auto client = open(site, reading_within(site));
  EXPECT_EQ(shown(client->call(set("k", "old"))), "OK");
  EXPECT_EQ(shown(client->call_query(get("k"))), "old");
  site.let_lag(2);
  EXPECT_EQ(shown(client->call(set("k", "new"))), "OK");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(shown(client->call_query(get("k"))), "new");
  site.set_conduct(0, Conduct::lying);  // with it and the laggard only two others are left, and just enough
  for (int i = 0; i < 20; ++i) EXPECT_EQ(shown(client->call_query(get("k"))), "new");
  site.set_conduct(0, Conduct::silent);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(shown(client->call_query(get("k"))), "new");
  EXPECT_EQ(client->stats().fell_back, 0U);
  EXPECT_EQ(client->stats().answered, 61U);
}

TEST(NativeClientTest, an_update_that_is_called_a_query_is_ordered) {
  TestSite site;
  site.start_all();
  NativeClient::Config config = reading_within(site);
  config.query_timeout = milliseconds(100);
  const auto client = open(site, config);
  EXPECT_EQ(shown(client->call_query(incr("n"))), "1");
  EXPECT_EQ(site.executed(), 1U);
  EXPECT_EQ(client->stats().fell_back, 1U);
}

TEST(NativeClientTest, many_queries_at_once_all_end) {
  TestSite site;
  site.start_all();
  const auto client = open(site, reading_within(site));
  EXPECT_EQ(shown(client->call(set("k", "v"))), "OK");
  std::vector<std::future<std::string>> results;
  for (int i = 0; i < 500; ++i) {
    const auto promise = std::make_shared<std::promise<std::string>>();
    results.push_back(promise->get_future());
    client->query(get("k"), [promise](Result<Bytes> result) { promise->set_value(shown(result)); });
  }
  for (auto& result : results) EXPECT_EQ(result.get(), "v");
}

TEST(NativeClientTest, queries_that_nobody_answers_end_with_their_deadline) {
  TestSite site;
  site.start_all();
  NativeClient::Config config = reading_within(site);
  config.query_timeout = milliseconds(100);
  const auto before = open(site, config);
  EXPECT_EQ(shown(before->call(set("k", "v"))), "OK");
  site.pause(true);
  config.deadline = seconds(1);
  config.client = ClientId(1);
  const auto client = open(site, config, 1);
  const std::string ended = shown(client->call_query(get("k")));
  EXPECT_EQ(ended.front(), '[') << ended;
  site.pause(false);
}

TEST(NativeClientTest, waits_for_servers_that_start_later) {
  TestSite site;
  const auto client = open(site, site.config());
  std::promise<Result<Bytes>> promise;
  client->submit(set("k", "v"), [&](Result<Bytes> result) { promise.set_value(std::move(result)); });
  for (std::size_t i = 1; i < TestSite::kServers; ++i) site.start(i);
  EXPECT_EQ(shown(promise.get_future().get()), "OK");
}

TEST(NativeClientTest, connects_again_after_every_server_was_restarted) {
  TestSite site;
  site.start_all();
  const auto client = open(site, site.config());
  EXPECT_EQ(shown(client->call(incr("n"))), "1");
  for (std::size_t i = 0; i < TestSite::kServers; ++i) site.stop(i);
  site.start_all();
  EXPECT_EQ(shown(client->call(incr("n"))), "2");
  EXPECT_EQ(client->stats().incarnations, 1U);
}

TEST(NativeClientTest, says_that_too_few_servers_can_be_reached) {
  TestSite site;
  site.start(2);
  NativeClient::Config config = site.config();
  config.deadline = milliseconds(200);
  const auto client = open(site, config);
  const std::string error = shown(client->call(get("k")));
  EXPECT_EQ(error.find("[not executed: an answer needs 2 servers, and "), 0U) << error;
  EXPECT_NE(error.find("A1 at 127.0.0.1:"), std::string::npos) << error;
  EXPECT_NE(error.find("Connection refused"), std::string::npos) << error;
}

TEST(NativeClientTest, says_that_the_outcome_is_unknown_and_goes_on_afresh) {
  TestSite site;
  site.start_all();
  NativeClient::Config config = site.config();
  config.deadline = milliseconds(300);
  const auto client = open(site, config);
  site.pause(true);
  const std::string error = shown(client->call(incr("n")));
  EXPECT_EQ(error.find("[outcome unknown: no 2 servers agreed on a result within 300ms"), 0U) << error;
  EXPECT_EQ(client->stats().incarnations, 2U);
  site.pause(false);
  std::string last;
  do {
    last = shown(client->call(set("k", "v")));
  } while (last != "OK");
}

TEST(NativeClientTest, recovers_when_another_program_took_its_identity) {
  TestSite site;
  site.start_all();
  NativeClient::Config config = site.config();
  const auto first = open(site, [&] {
    NativeClient::Config soon = config;
    soon.deadline = milliseconds(300);
    return soon;
  }());
  std::string shown_first;
  do {
    shown_first = shown(first->call(incr("n")));
  } while (shown_first != "1");
  {
    const auto second = open(site, config);
    EXPECT_EQ(shown(second->call(incr("n"))), "2");
  }
  std::string last;
  do {
    last = shown(first->call(get("n")));
  } while (last != "2");
  EXPECT_GE(first->stats().incarnations, 2U);
}

TEST(NativeClientTest, signs_operations_that_wait_together_as_one_batch) {
  TestSite site;
  site.start_all();
  asio::io_context io(1);
  auto made = NativeClient::make(io, site.config(), site.bundle(), site.directory());
  ASSERT_TRUE(made.ok());
  std::size_t done = 0;
  for (std::size_t i = 0; i < kMaxOwnBatch; ++i) {
    made.value()->submit(incr("n"), [&](const Result<Bytes>& result) {
      EXPECT_TRUE(result.ok());
      if (++done == kMaxOwnBatch) io.stop();
    });
  }
  io.run();
  EXPECT_EQ(done, kMaxOwnBatch);
  EXPECT_EQ(made.value()->stats().signatures, 1U);
  EXPECT_EQ(site.executed(), kMaxOwnBatch);
}

TEST(NativeClientTest, keeps_within_its_window_and_finishes_what_waits) {
  TestSite site;
  site.start_all();
  asio::io_context io(1);
  NativeClient::Config config = site.config();
  config.window = 4;
  auto made = NativeClient::make(io, config, site.bundle(), site.directory());
  ASSERT_TRUE(made.ok());
  std::size_t most = 0;
  std::size_t done = 0;
  for (int i = 0; i < 50; ++i) {
    made.value()->submit(incr("n"), [&](const Result<Bytes>& result) {
      EXPECT_TRUE(result.ok());
      most = std::max(most, made.value()->stats().outstanding);
      if (++done == 50) io.stop();
    });
  }
  io.run();
  EXPECT_EQ(done, 50U);
  EXPECT_LE(most, 4U);
  EXPECT_EQ(site.executed(), 50U);
}

TEST(NativeClientTest, refuses_operations_beyond_its_queue_and_too_long_ones) {
  TestSite site;
  asio::io_context io(1);
  NativeClient::Config config = site.config();
  config.max_waiting = 2;
  auto made = NativeClient::make(io, config, site.bundle(), site.directory());
  ASSERT_TRUE(made.ok());
  std::vector<std::string> results;
  const auto keep = [&](const Result<Bytes>& result) { results.push_back(shown(result)); };
  made.value()->submit(Bytes(kMaxOperationBytes + 1), keep);
  for (int i = 0; i < 3; ++i) made.value()->submit(get("k"), keep);
  EXPECT_TRUE(results.empty()) << "never before submit() has returned";
  while (results.size() < 2) io.run_one();
  EXPECT_EQ(results[0], "[not executed: longer than 32768 bytes]");
  EXPECT_EQ(results[1], "[not executed: 2 operations wait already]");
  made.value().reset();
  ASSERT_EQ(results.size(), 4U);
  EXPECT_EQ(results[3], "[not executed: the client was closed]");
}

TEST(NativeClientTest, refuses_keys_of_another_client) {
  const TestSite site;
  const auto made = NativeClient::make(site.config(0), site.bundle(1), site.directory());
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().message, "the private key file is of c2, not of c1");
}

TEST(NativeClientTest, carries_operations_of_the_largest_size) {
  TestSite site;
  site.start_all();
  const auto client = open(site, site.config());
  const std::string value(service::kMaxValueBytes, 'x');
  EXPECT_EQ(shown(client->call(set("k", value))), "OK");
  EXPECT_EQ(shown(client->call(get("k"))), value);
}

}  // namespace
}  // namespace garrison::client
