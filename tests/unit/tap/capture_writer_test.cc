#include "apps/tap/capture_writer.h"

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "apps/tap/capture_reader.h"
#include "apps/tap/pipeline.h"
#include "apps/tap/report.h"
#include "apps/tap/run_files.h"
#include "tests/unit/tap/source_hub.h"

namespace garrison::tap {
namespace {

class CaptureWriterTest : public SourceHubTest {
 protected:
  CaptureWriterTest() : folder_(std::filesystem::path(::testing::TempDir()) / ("writer" + std::to_string(::getpid()))) {
    std::filesystem::create_directory(folder_);
  }
  ~CaptureWriterTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] CaptureOptions options(const std::string& name = "hub.pcapng") const {
    return {.path = folder_ / name, .interfaces = {"hub0", "hub1"}};
  }
  static std::string text_of(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  struct Kept {
    Instant when;
    std::size_t interface = 0;
    Bytes bytes;
    bool sent = false;
  };
  static std::vector<Kept> read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    CaptureReader reader(in);
    std::vector<Kept> kept;
    while (const auto frame = reader.next()) {
      kept.push_back({frame->when, frame->interface, to_bytes(frame->bytes), frame->sent});
    }
    EXPECT_FALSE(reader.fault().has_value()) << reader.fault()->message;
    return kept;
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  std::filesystem::path folder_;
};

TEST_F(CaptureWriterTest, what_is_written_is_read_back_to_the_nanosecond) {
  const Instant when(1'700'000'000'123'456'789);
  auto writer = CaptureWriter::open(options()).value();
  writer->write(when, 0, Direction::in, Bytes{1, 2, 3}, "");
  writer->write(when + nanoseconds(1), 1, Direction::out, Bytes{4}, "injected");
  ASSERT_TRUE(writer->close().ok());
  const std::vector<Kept> kept = read(folder_ / "hub.pcapng");
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].when, when);
  EXPECT_EQ(kept[0].bytes, (Bytes{1, 2, 3}));
  EXPECT_FALSE(kept[0].sent);
  EXPECT_EQ(kept[1].when, when + nanoseconds(1));
  EXPECT_EQ(kept[1].interface, 1U);
  EXPECT_TRUE(kept[1].sent);
  EXPECT_NE(text_of(folder_ / "hub.pcapng").find("injected"), std::string::npos);
  EXPECT_EQ(writer->written(), 2U);
  EXPECT_EQ(writer->dropped(), 0U);
}

TEST_F(CaptureWriterTest, a_file_that_is_there_is_not_overwritten) {
  std::ofstream(folder_ / "hub.pcapng") << "mine";
  EXPECT_FALSE(CaptureWriter::open(options()).ok());
  EXPECT_EQ(text_of(folder_ / "hub.pcapng"), "mine");
}

TEST_F(CaptureWriterTest, files_end_at_their_size_and_the_oldest_go) {
  CaptureOptions wanted = options();
  wanted.file_bytes = 2000;
  wanted.files = 3;
  auto writer = CaptureWriter::open(wanted).value();
  for (int i = 0; i < 100; ++i) writer->write(Instant(i + 1), 0, Direction::in, Bytes(500), "");
  ASSERT_TRUE(writer->close().ok());
  EXPECT_EQ(files(), 3U);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "hub-0001.pcapng"));
  std::size_t kept = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    EXPECT_LT(file.file_size(), 3000U);
    kept += read(file.path()).size();
  }
  EXPECT_GE(kept, 9U);
}

TEST_F(CaptureWriterTest, what_finds_no_room_is_dropped_and_counted_in_the_file_as_well) {
  CaptureOptions wanted = options();
  wanted.queue_bytes = 100;
  auto writer = CaptureWriter::open(wanted).value();
  for (int i = 0; i < 10'000; ++i) writer->write(Instant(i + 1), 0, Direction::in, Bytes(1000), "");
  ASSERT_TRUE(writer->close().ok());
  EXPECT_GT(writer->dropped(), 0U) << "a disk that keeps up with 1 GB/s";
  EXPECT_EQ(writer->written() + writer->dropped(), 10'000U);
  EXPECT_EQ(read(folder_ / "hub.pcapng").size(), writer->written());
  Bytes statistics;
  append_statistics(statistics, Instant(10'000), 0, 10'000, writer->dropped());
  const std::string wanted_text(statistics.begin(), statistics.end());
  EXPECT_NE(text_of(folder_ / "hub.pcapng").find(wanted_text), std::string::npos);
}

TEST_F(CaptureWriterTest, where_it_waits_nothing_is_dropped) {
  CaptureOptions wanted = options();
  wanted.queue_bytes = 100;
  wanted.waits = true;
  auto writer = CaptureWriter::open(wanted).value();
  for (int i = 0; i < 1000; ++i) writer->write(Instant(i + 1), 0, Direction::in, Bytes(1000), "");
  ASSERT_TRUE(writer->close().ok());
  EXPECT_EQ(read(folder_ / "hub.pcapng").size(), 1000U);
}

TEST_F(CaptureWriterTest, a_disk_that_refuses_is_an_error_and_the_rest_is_dropped) {
  CaptureOptions wanted = options();
  wanted.path = "/dev/full";
  // "/dev/full" is there already: a folder that cannot be written to is the same to a user.
  EXPECT_FALSE(CaptureWriter::open(wanted).ok());
  wanted.path = folder_ / "none" / "hub.pcapng";
  EXPECT_FALSE(CaptureWriter::open(wanted).ok());

  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{4096, before.rlim_max};
  std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  wanted = options();
  wanted.waits = true;
  auto writer = CaptureWriter::open(wanted).value();
  for (int i = 0; i < 100; ++i) writer->write(Instant(i + 1), 0, Direction::in, Bytes(1000), "");
  const Result<void> closed = writer->close();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(closed.ok());
  EXPECT_NE(closed.error().message.find("cannot be written"), std::string::npos);
  EXPECT_GT(writer->dropped(), 0U);
  EXPECT_EQ(writer->written() + writer->dropped(), 100U);
}

TEST_F(CaptureWriterTest, a_capture_gives_the_account_of_what_was_captured) {
  Account live(topology_, &keys_.directory());
  auto writer = CaptureWriter::open(options()).value();
  Pipeline pipeline(live, {}, writer.get());
  std::int64_t when = 1'700'000'000'000'000'000;
  for (std::uint64_t sequence = 1; sequence <= 300; ++sequence) {
    for (std::uint16_t server = 0; server < kServers; ++server) {
      const Bytes whole_part = part(whole(sequence), sequence, server, server == 2 && sequence == 9 ? 1 : 0);
      for (const Bytes& each : frames(whole_part, sequence, server)) {
        pipeline.heard(Instant(when += 1001), 0, each);
        if (sequence % 50 != 0) pipeline.heard(Instant(when += 7), 1, each);
      }
    }
  }
  pipeline.heard(Instant(++when), 0, Bytes{1, 2, 3});
  pipeline.sent(Instant(++when), 0, frames(part(whole(1), 1, 1), 1, 1).front());
  ASSERT_TRUE(writer->close().ok());
  EXPECT_NE(text_of(folder_ / "hub.pcapng").find("frame_truncated"), std::string::npos) << "the reason as a comment";
  Account replayed(topology_, &keys_.directory());
  Pipeline replay(replayed, {}, nullptr);
  ASSERT_TRUE(run_files({folder_ / "hub.pcapng"}, replay).ok());
  EXPECT_EQ(report_rows(replayed, 256), report_rows(live, 256));
  EXPECT_EQ(guilty_names(report_rows(replayed, 0)), "B3");
}

TEST_F(CaptureWriterTest, a_filter_takes_by_server_kind_and_refusal) {
  const auto filter = [&](const std::vector<std::string>& servers, const std::vector<std::string>& kinds,
                          bool refused) { return CaptureFilter::parse(topology_, servers, kinds, refused); };
  EXPECT_FALSE(filter({"B9"}, {}, false).ok());
  EXPECT_FALSE(filter({}, {"parts"}, false).ok());
  const Account::Verdict part{.refused = {}, .sender = Sender{kSource, ServerId(1)}, .kind = wire::FrameKind::hub_part};
  const Account::Verdict garbage{.refused = DropReason::frame_truncated};
  EXPECT_TRUE(filter({}, {}, false).value().takes(part));
  EXPECT_TRUE(filter({}, {}, false).value().takes(garbage));
  EXPECT_TRUE(filter({"B2"}, {"part", "hello"}, false).value().takes(part));
  EXPECT_FALSE(filter({"B1"}, {}, false).value().takes(part));
  EXPECT_FALSE(filter({"B2"}, {"request"}, false).value().takes(part));
  EXPECT_FALSE(filter({"B2"}, {}, false).value().takes(garbage));
  EXPECT_TRUE(filter({}, {"other"}, true).value().takes(garbage));
  EXPECT_FALSE(filter({}, {}, true).value().takes(part));
}

}  // namespace
}  // namespace garrison::tap
