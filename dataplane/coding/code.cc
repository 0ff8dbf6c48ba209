#include "dataplane/coding/code.h"

#include <isa-l/erasure_code.h>

#include <algorithm>
#include <bit>
#include <climits>

#include "dataplane/base/check.h"

namespace garrison::coding {
namespace {

constexpr std::size_t kVectorBytes = 64;
constexpr std::size_t kTableBytes = 32;  // per coefficient
// Fewer than kVectorBytes columns remain of the shortest row, and rows differ by less than kMaxParts.
constexpr std::size_t kTailBytes = 2 * kVectorBytes;
static_assert(kVectorBytes - 1 + kMaxParts - 1 <= kTailBytes);

using Rows = std::array<ByteView, kMaxParts>;
using MutableRows = std::array<MutableBytes, kMaxParts>;

// Row `index` of a message; short, or empty, where the message ends.
template <typename View>
View row_of(View message, std::size_t index, std::size_t part_bytes) {
  const std::size_t start = std::min(index * part_bytes, message.size());
  return message.subspan(start, std::min(part_bytes, message.size() - start));
}

std::vector<std::uint8_t> make_tables(std::size_t k, std::size_t rows, std::vector<std::uint8_t> coefficients) {
  std::vector<std::uint8_t> tables(kTableBytes * k * rows);
  ec_init_tables(static_cast<int>(k), static_cast<int>(rows), coefficients.data(), tables.data());
  return tables;
}

// out[r] = the combination of `sources` that row r of `tables` says, over `columns` bytes. Rows that are shorter than
// that are zeros behind their end, and outputs that are shorter are cut.
void combine(const std::vector<std::uint8_t>& tables, std::span<const ByteView> sources,
             std::span<const MutableBytes> out, std::size_t columns) {
  CHECK(columns <= INT_MAX && sources.size() <= kMaxParts && out.size() <= kMaxParts);
  const auto k = static_cast<int>(sources.size());
  const auto rows = static_cast<int>(out.size());
  std::size_t shortest = columns;
  for (const ByteView source : sources) shortest = std::min(shortest, source.size());
  for (const MutableBytes row : out) shortest = std::min(shortest, row.size());
  const std::size_t body = shortest / kVectorBytes * kVectorBytes;

  // ISA-L takes pointers to what it only reads as if it wrote there.
  auto* const coefficients = const_cast<std::uint8_t*>(tables.data());
  std::array<std::uint8_t*, kMaxParts> from;
  std::array<std::uint8_t*, kMaxParts> to;
  if (body > 0) {
    for (std::size_t i = 0; i < sources.size(); ++i) from[i] = const_cast<std::uint8_t*>(sources[i].data());
    for (std::size_t i = 0; i < out.size(); ++i) to[i] = out[i].data();
    ec_encode_data(static_cast<int>(body), k, rows, coefficients, from.data(), to.data());
  }
  if (body == columns) return;

  CHECK(columns - body <= kTailBytes);
  const std::size_t padded = (columns - body + kVectorBytes - 1) / kVectorBytes * kVectorBytes;
  alignas(kVectorBytes) std::array<std::uint8_t, kMaxParts * kTailBytes> source_tails;
  alignas(kVectorBytes) std::array<std::uint8_t, kMaxParts * kTailBytes> out_tails;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    from[i] = source_tails.data() + i * kTailBytes;
    const ByteView rest = sources[i].subspan(body);
    std::fill(std::copy(rest.begin(), rest.end(), from[i]), from[i] + padded, std::uint8_t{0});
  }
  for (std::size_t i = 0; i < out.size(); ++i) to[i] = out_tails.data() + i * kTailBytes;
  ec_encode_data(static_cast<int>(padded), k, rows, coefficients, from.data(), to.data());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const MutableBytes rest = out[i].subspan(body);
    std::copy_n(to[i], rest.size(), rest.begin());
  }
}

}  // namespace

Code::Code(std::size_t n, std::size_t k) : n_(n), k_(k) {
  CHECK(valid(n, k));
  matrix_.resize(n * k);
  gf_gen_cauchy1_matrix(matrix_.data(), static_cast<int>(n), static_cast<int>(k));
  const auto row = [&](std::size_t index) { return matrix_.begin() + static_cast<std::ptrdiff_t>(index * k); };
  for (std::size_t index = k; index < n; ++index) {
    row_tables_.push_back(make_tables(k, 1, {row(index), row(index + 1)}));
  }
  if (n > k) all_tables_ = make_tables(k, n - k, {row(k), matrix_.end()});
}

void Code::encode(ByteView message, std::size_t index, MutableBytes part) const {
  const std::size_t columns = part_bytes(message.size());
  CHECK(index < n_ && part.size() == columns);
  if (index < k_) {
    const ByteView row = row_of(message, index, columns);
    std::fill(std::copy(row.begin(), row.end(), part.begin()), part.end(), std::uint8_t{0});
    return;
  }
  Rows rows;
  for (std::size_t i = 0; i < k_; ++i) rows[i] = row_of(message, i, columns);
  combine(row_tables_[index - k_], std::span(rows).first(k_), {&part, 1}, columns);
}

void Code::encode_all(ByteView message, MutableBytes parts) const {
  const std::size_t columns = part_bytes(message.size());
  CHECK(parts.size() == n_ * columns);
  Rows rows;
  for (std::size_t i = 0; i < k_; ++i) {
    rows[i] = row_of(message, i, columns);
    encode(message, i, parts.subspan(i * columns, columns));
  }
  if (n_ == k_) return;
  MutableRows out;
  for (std::size_t i = k_; i < n_; ++i) out[i - k_] = parts.subspan(i * columns, columns);
  combine(all_tables_, std::span(rows).first(k_), std::span(out).first(n_ - k_), columns);
}

bool Code::decode(std::span<const Part> parts, MutableBytes message) {
  const std::size_t columns = part_bytes(message.size());
  if (parts.size() != k_) return false;
  Rows by_index;
  std::uint32_t survivors = 0;
  for (const Part& part : parts) {
    if (part.index >= n_ || part.bytes.size() != columns) return false;
    const std::uint32_t bit = std::uint32_t{1} << part.index;
    if ((survivors & bit) != 0) return false;
    survivors |= bit;
    by_index[part.index] = part.bytes;
  }
  Rows sources;
  MutableRows missing;
  std::size_t taken = 0;
  std::size_t lost = 0;
  for (std::size_t i = 0; i < n_; ++i) {
    const bool survived = (survivors >> i & 1U) != 0;
    if (survived) sources[taken++] = by_index[i];
    if (i >= k_) continue;
    const MutableBytes row = row_of(message, i, columns);
    if (survived) {
      std::copy_n(by_index[i].begin(), row.size(), row.begin());
    } else {
      missing[lost++] = row;
    }
  }
  if (lost > 0)
    combine(decode_tables(survivors), std::span(sources).first(k_), std::span(missing).first(lost), columns);
  return true;
}

const Code::Tables& Code::decode_tables(std::uint32_t survivors) {
  for (const DecodeTables& kept : kept_) {
    if (kept.survivors == survivors) return kept.tables;
  }
  DecodeTables made{survivors, make_decode_tables(survivors)};
  if (kept_.size() < kKeptDecodeTables) return kept_.emplace_back(std::move(made)).tables;
  DecodeTables& slot = kept_[oldest_];
  oldest_ = (oldest_ + 1) % kept_.size();
  slot = std::move(made);
  return slot.tables;
}

// The survivors are a product of their k rows of the matrix with the data; the inverse of those leads back.
Code::Tables Code::make_decode_tables(std::uint32_t survivors) const {
  std::vector<std::uint8_t> rows;
  for (std::size_t i = 0; i < n_; ++i) {
    if ((survivors >> i & 1U) == 0) continue;
    const auto row = matrix_.begin() + static_cast<std::ptrdiff_t>(i * k_);
    rows.insert(rows.end(), row, row + static_cast<std::ptrdiff_t>(k_));
  }
  CHECK(rows.size() == k_ * k_);
  std::vector<std::uint8_t> inverse(rows.size());
  // Every k rows of a unit matrix over a Cauchy matrix are independent.
  CHECK(gf_invert_matrix(rows.data(), inverse.data(), static_cast<int>(k_)) == 0);
  std::vector<std::uint8_t> coefficients;
  std::size_t lost = 0;
  for (std::size_t i = 0; i < k_; ++i) {
    if ((survivors >> i & 1U) != 0) continue;
    const auto row = inverse.begin() + static_cast<std::ptrdiff_t>(i * k_);
    coefficients.insert(coefficients.end(), row, row + static_cast<std::ptrdiff_t>(k_));
    ++lost;
  }
  return make_tables(k_, lost, std::move(coefficients));
}

}  // namespace garrison::coding
