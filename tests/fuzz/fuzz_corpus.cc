// Writes seeds for fuzz_message: valid messages of every type, signed as a whole and as bare content.
// usage: fuzz_corpus DIRECTORY
#include <cstdio>
#include <fstream>
#include <string>

#include "tests/support/signed_messages.h"

namespace {

bool write_file(const std::string& path, garrison::ByteView bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return file.good();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: fuzz_corpus DIRECTORY\n", stderr), 2;
  const std::string directory = argv[1];
  garrison::testing::SiteKeys keys(4, 2);
  std::vector<garrison::testing::SignedMessage> seeds = garrison::testing::signed_messages(keys);
  using namespace garrison::message;
  const Envelope server = keys.envelope(garrison::ServerId(0));
  seeds.push_back({MessageType::ClientChallenge, encode(server, ClientChallenge{})});
  seeds.push_back({MessageType::ClientHello, encode(keys.envelope(garrison::ClientId(0)), ClientHello{})});
  seeds.push_back({MessageType::ClientReply, encode(server, ClientReply{})});
  seeds.push_back({MessageType::ClientQuery, encode(keys.envelope(garrison::ClientId(0)), ClientQuery{})});
  seeds.push_back({MessageType::QueryReply, encode(server, QueryReply{})});
  // Between sites: what server 0 sent to site 1, which asks about it.
  const garrison::Bytes part(30, 7);
  const garrison::Bytes sent =
      keys.sign(garrison::ServerId(0), LinkPart{garrison::SiteId(1), garrison::TrafficClass::bounded, 0, 2, 4,
                                                garrison::Incarnation(1), garrison::SeqNum(5), 60, part});
  const garrison::Bytes other =
      keys.sign(garrison::ServerId(1), LinkPart{garrison::SiteId(1), garrison::TrafficClass::bounded, 1, 2, 4,
                                                garrison::Incarnation(1), garrison::SeqNum(5), 60, part});
  const auto site = [&](std::uint16_t id) {
    return keys.envelope(garrison::crypto::Principal::of_site(garrison::SiteId(id)));
  };
  const InquiryId id{garrison::SiteId(0),      garrison::SiteId(1), garrison::TrafficClass::bounded,
                     garrison::Incarnation(1), garrison::SeqNum(1), garrison::SeqNum(5)};
  seeds.push_back({MessageType::LinkInquiry, encode(site(1), LinkInquiry{id, {sent, other}})});
  seeds.push_back({MessageType::LinkInquiryResponse,
                   encode(site(0), LinkInquiryResponse{id, LinkInquiryResponse::Answer::message, part})});
  seeds.push_back({MessageType::LinkBundle, encode(server, LinkBundle{part})});
  std::size_t number = 0;  // a type may have several seeds
  for (const garrison::testing::SignedMessage& seed : seeds) {
    const std::string path = directory + "/" + std::to_string(number++) + "-" + std::string(name(seed.type));
    const garrison::ByteView bytes(seed.bytes);
    const bool written =
        write_file(path, bytes) && write_file(path + ".content", bytes.first(decode_envelope(bytes)->content_bytes));
    if (!written) return std::fprintf(stderr, "cannot write %s\n", path.c_str()), 1;
  }
  return 0;
}
