#include "apps/commands/bench_crypto.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands/bench_batch.h"
#include "apps/commands/bench_threshold.h"
#include "apps/commands/bench_timing.h"
#include "apps/commands/command.h"
#include "apps/commands/conditions.h"
#include "control/message/validate.h"
#include "crypto/batch.h"
#include "crypto/digest.h"
#include "crypto/mac.h"
#include "dataplane/base/instant.h"

namespace garrison::apps {
namespace {

constexpr std::size_t kMessageSizes[] = {64, 200, 1400};
constexpr std::size_t kOperationBytes = 200;
constexpr std::size_t kDistinctMessages = 32;  // so that no check meets the same bytes twice in a row
constexpr SystemId kSystem{1};
constexpr KeyEpoch kEpoch{1};

struct SchemeRow {
  crypto::Scheme scheme;
  const char* name;
  std::size_t bits;
};
constexpr SchemeRow kSchemes[] = {{crypto::Scheme::ed25519, "ed25519", 256},
                                  {crypto::Scheme::rsa2048, "rsa", 2048},
                                  {crypto::Scheme::rsa3072, "rsa", 3072}};

struct Row {
  std::string op;
  std::size_t bits = 0;  // of the key; of the digest where there is none
  std::size_t message_bytes = 0;
  std::optional<std::size_t> batch;  // messages under one signature
  double us = 0;                     // per message
  std::optional<std::size_t> k{};    // of n servers that sign together
  std::optional<std::size_t> n{};
  std::optional<double> modexps{};  // as bench_threshold.h
};

void measure_symmetric(Duration budget, std::vector<Row>& rows) {
  const Bytes key(32, 0x11);
  crypto::HmacKey hmac(key);
  crypto::FrameKey gmac(ByteView(key).first(16));
  for (const std::size_t size : kMessageSizes) {
    const Bytes message(size, 0x22);
    const auto sha256 = [&](std::size_t) { CHECK(crypto::sha256(message) != Digest{}); };
    rows.push_back({"sha256", 256, size, {}, measure_us(budget, sha256)});
    const auto tag = [&](std::size_t) { CHECK(hmac.tag(message) != crypto::Tag{}); };
    rows.push_back({"hmac-sha256", 256, size, {}, measure_us(budget, tag)});
    const auto seal = [&](std::size_t i) { CHECK(gmac.seal(i + 1, message) != crypto::Tag{}); };
    rows.push_back({"aes-gmac", 128, size, {}, measure_us(budget, seal)});
  }
}

Bytes distinct(std::size_t i, std::size_t size) {
  Bytes message(size, 0x33);
  store_le<std::uint32_t>(message.data(), static_cast<std::uint32_t>(i));
  return message;
}

void measure_signatures(Duration budget, const SchemeRow& scheme, crypto::PrivateKey& key, std::vector<Row>& rows) {
  constexpr std::size_t kStatementBytes = 64;
  crypto::PublicKey public_key = key.public_key();
  std::vector<Bytes> messages;
  std::vector<Bytes> signatures(kDistinctMessages, Bytes(crypto::signature_bytes(scheme.scheme)));
  for (std::size_t i = 0; i < kDistinctMessages; ++i) messages.push_back(distinct(i, kStatementBytes));
  const auto sign = [&](std::size_t i) {
    key.sign(messages[i % kDistinctMessages], signatures[i % kDistinctMessages]);
  };
  const double sign_us = measure_us(budget, sign);
  for (std::size_t i = 0; i < kDistinctMessages; ++i) sign(i);
  const auto verify = [&](std::size_t i) {
    CHECK(public_key.verify(messages[i % kDistinctMessages], signatures[i % kDistinctMessages]));
  };
  rows.push_back({std::string(scheme.name) + "-sign", scheme.bits, kStatementBytes, {}, sign_us});
  rows.push_back({std::string(scheme.name) + "-verify", scheme.bits, kStatementBytes, {}, measure_us(budget, verify)});
}

void sign_batch(crypto::BatchSigner& signer, SignedBatch& batch) {
  const std::size_t n = batch.contents.size();
  std::vector<Digest> leaves;
  for (const Bytes& content : batch.contents) leaves.push_back(crypto::leaf_digest(content));
  batch.blocks.assign(n, Bytes(signer.block_bytes(n)));
  const std::vector<MutableBytes> views(batch.blocks.begin(), batch.blocks.end());
  std::vector<std::size_t> sizes(n);
  signer.sign(leaves, views, sizes);
  for (std::size_t i = 0; i < n; ++i) batch.blocks[i].resize(sizes[i]);
}

// Signing and checking whole messages, Merkle path included; a receiver checks one root signature per batch.
void measure_batches(Duration budget, const crypto::KeyDirectory& directory, const crypto::Principal& self,
                     crypto::BatchSigner& signer, std::vector<Row>& rows) {
  for (std::size_t n = 1; n <= kMaxMerkleLeaves; n *= 2) {
    std::array<SignedBatch, 2> batches;
    for (std::size_t i = 0; i < 2 * n; ++i) batches[i / n].contents.push_back(distinct(i, kOperationBytes));
    for (SignedBatch& batch : batches) sign_batch(signer, batch);
    const double sign_us = measure_us(budget, [&](std::size_t i) { sign_batch(signer, batches[i % 2]); });
    rows.push_back({"batch-sign", 256, kOperationBytes, n, sign_us / static_cast<double>(n)});
    rows.push_back(
        {"batch-verify", 256, kOperationBytes, n, measure_batch_verify_us(budget, kSystem, self, directory, batches)});
  }
}

// One CLIENT-OP from its bytes to a verified message, as every server does for every update.
void measure_client_op(Duration budget, const SchemeRow& scheme, const crypto::KeyDirectory& directory, ClientId client,
                       crypto::BatchSigner& signer, std::vector<Row>& rows) {
  message::Validator validator(kSystem, SiteId(0), 4, directory);
  std::vector<Bytes> updates;
  for (std::size_t i = 0; i < kDistinctMessages; ++i) {
    const Bytes operation = distinct(i, kOperationBytes);
    SignedBatch alone;
    alone.contents.push_back(message::encode(
        {kSystem, crypto::Principal::client(client), kEpoch},
        message::ClientOp{
            .client = client, .incarnation = Incarnation(1), .sequence = SeqNum(i + 1), .operation = operation}));
    sign_batch(signer, alone);
    Bytes& update = updates.emplace_back(std::move(alone.contents.front()));
    update.insert(update.end(), alone.blocks.front().begin(), alone.blocks.front().end());
  }
  const auto check = [&](std::size_t i) {
    const message::Validation outcome = validator.client_op(updates[i % kDistinctMessages]);
    CHECK(std::holds_alternative<message::VerifiedMessage>(outcome));
  };
  rows.push_back(
      {std::string("client-op-check-") + scheme.name, scheme.bits, kOperationBytes, {}, measure_us(budget, check)});
}

Result<std::vector<Row>> measure_all(Duration budget) {
  std::vector<Row> rows;
  measure_symmetric(budget, rows);
  crypto::KeyDirectory directory(kSystem, kEpoch);
  const Bytes agreement(32, 9);  // no session is opened
  std::uint32_t client = 0;
  for (const SchemeRow& scheme : kSchemes) {
    Result<crypto::PrivateKey> key = crypto::PrivateKey::generate(scheme.scheme);
    if (!key) return key.error();
    const Bytes encoded = key.value().public_key().encoded();
    measure_signatures(budget, scheme, key.value(), rows);
    const ClientId id(client++);
    Result<void> added = directory.add(crypto::Principal::client(id), {scheme.scheme, encoded, agreement});
    if (!added) return added.error();
    crypto::BatchSigner signer(kSystem, crypto::Principal::client(id), kEpoch, std::move(key).value());
    measure_client_op(budget, scheme, directory, id, signer, rows);
    if (scheme.scheme == crypto::Scheme::ed25519) {
      measure_batches(budget, directory, crypto::Principal::client(id), signer, rows);
    }
  }
  const Result<std::vector<ThresholdRow>> threshold = measure_threshold(budget);
  if (!threshold) return threshold.error();
  for (const ThresholdRow& row : threshold.value()) {
    rows.push_back({.op = row.op,
                    .bits = row.bits,
                    .message_bytes = row.message_bytes,
                    .batch = row.batch,
                    .us = row.us,
                    .k = row.k,
                    .n = row.n,
                    .modexps = row.modexps});
  }
  return rows;
}

nlohmann::json to_json(const Row& row) {
  const auto shown = [](const auto& value) { return value ? nlohmann::json(*value) : nlohmann::json(nullptr); };
  return {{"op", row.op},      {"bits", row.bits},           {"k", shown(row.k)},
          {"n", shown(row.n)}, {"batch", shown(row.batch)},  {"message_bytes", row.message_bytes},
          {"us", row.us},      {"per_second", 1e6 / row.us}, {"modexps", shown(row.modexps)}};
}

nlohmann::json conditions(double milliseconds) {
  nlohmann::json stated = base_conditions();
  stated["threads"] = 1;
  stated["milliseconds_per_row"] = milliseconds;
  stated["statistic"] = "median of nine rounds of processor time, caches warm";
  stated["bits"] = "of the key; of the digest for sha256";
  stated["batch"] = "messages under one signature; us is per message";
  stated["n"] = "servers, any k of which sign together";
  stated["modexps"] = "us, in OpenSSL's constant-time exponentiations of as many bits, measured just before";
  stated["threshold"] = "Shoup's RSA; combine checks no proofs and verifies the signature";
  stated["threshold_batch"] =
      "a site's batch at one server: Merkle tree, blocks, own share, combination; the others' shares are there";
  stated["threshold_batch_verify"] =
      "whole messages of a site at a receiver that has the site's key parsed and meets a root it does not know";
  stated["client_op_check"] = "CLIENT-OP of 200 bytes under a signature of its own: structure, digest, signature";
  stated["batch_sign"] =
      "Merkle tree, paths and one Ed25519 signature; the receiver has the key parsed and meets a root it does not know";
  return stated;
}

int bench_crypto(double milliseconds, bool json) {
  const Result<std::vector<Row>> rows = measure_all(Duration(static_cast<std::int64_t>(milliseconds * 1e6)));
  if (!rows) return complain(rows.error().message), kFailed;
  if (json) {
    nlohmann::json results = nlohmann::json::array();
    for (const Row& row : rows.value()) results.push_back(to_json(row));
    fmt::print("{}\n", nlohmann::json{{"conditions", conditions(milliseconds)}, {"results", results}}.dump(2));
    return kDone;
  }
  fmt::print("{:<24} {:>5} {:>6} {:>3} {:>3} {:>5} {:>10} {:>12} {:>8}\n", "op", "bits", "bytes", "k", "n", "batch",
             "us", "per second", "modexps");
  for (const Row& row : rows.value()) {
    const auto shown = [](const std::optional<std::size_t>& count) { return count ? std::to_string(*count) : ""; };
    fmt::print("{:<24} {:>5} {:>6} {:>3} {:>3} {:>5} {:>10.3f} {:>12.0f} {:>8}\n", row.op, row.bits, row.message_bytes,
               shown(row.k), shown(row.n), shown(row.batch), row.us, 1e6 / row.us,
               row.modexps ? fmt::format("{:.3f}", *row.modexps) : "");
  }
  return kDone;
}

}  // namespace

void add_bench_crypto_command(CLI::App& bench, int& exit_status) {
  struct Options {
    double milliseconds = 200;
    bool json = false;
  };
  CLI::App& command = *bench.add_subcommand("crypto", "microseconds of each cryptographic operation, on one core");
  const auto options = std::make_shared<Options>();
  command.add_option("--milliseconds", options->milliseconds, "measured time of each row")
      ->check(CLI::Range(0.1, 60'000.0))
      ->capture_default_str();
  command.add_flag("--json", options->json, "print one JSON object");
  command.callback([options, &exit_status] { exit_status = bench_crypto(options->milliseconds, options->json); });
}

}  // namespace garrison::apps
