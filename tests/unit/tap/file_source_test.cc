#include "apps/tap/file_source.h"

#include <filesystem>
#include <fstream>

#include "apps/tap/run_files.h"
#include "tests/unit/tap/capture_bytes.h"
#include "tests/unit/tap/source_hub.h"

namespace garrison::tap {
namespace {

class FileSourceTest : public SourceHubTest {
 protected:
  FileSourceTest() : folder_(std::filesystem::path(::testing::TempDir()) / ("tap" + std::to_string(::getpid()))) {
    std::filesystem::create_directory(folder_);
  }
  ~FileSourceTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const CaptureBytes& bytes) {
    const std::filesystem::path path = folder_ / name;
    std::ofstream(path, std::ios::binary) << bytes.text();
    return path.string();
  }
  // Frames of server 0, with transmit sequences that count up.
  std::vector<Bytes> stream(std::size_t count) {
    std::vector<Bytes> made;
    for (std::size_t i = 0; i < count; ++i) {
      made.push_back(
          frame(wire::FrameKind::channel, {kSource, ServerId(0)}, {kDestination, ServerId(0)}, i, Bytes(16)));
    }
    return made;
  }
  // Stamped by a clock that starts at `second`.
  static CaptureBytes capture(std::span<const Bytes> frames, std::uint32_t second) {
    CaptureBytes bytes;
    bytes.pcap_head();
    for (const Bytes& each : frames) bytes.pcap_frame(second++, 0, each);
    return bytes;
  }

  std::filesystem::path folder_;
};

TEST_F(FileSourceTest, two_files_are_aligned_by_sequence_and_not_by_time) {
  const std::vector<Bytes> heard = stream(5000);
  std::vector<Bytes> without(heard);
  without.erase(without.begin() + 3000);
  const std::string first = write("first", capture(heard, 1'000'000));
  const std::string second =
      write("second", capture(std::span(without).subspan(2500), 5));  // starts later; other clock
  Account account(topology_, nullptr);
  Pipeline pipeline(account, {}, nullptr);
  const auto faults = run_files({first, second}, pipeline);
  ASSERT_TRUE(faults.ok());
  EXPECT_TRUE(faults.value().empty());
  const SequenceLog& sequences = account.senders().at({kSource, ServerId(0)}).sequences;
  EXPECT_EQ(sequences.only_at(0), 1U);
  EXPECT_EQ(sequences.only_at(1), 0U);
  EXPECT_EQ(sequences.heard(0).strays + sequences.heard(1).strays, 0U);
  EXPECT_EQ(sequences.heard(1).lost, 1U);
  EXPECT_EQ(account.tap(0).first, Instant(seconds(1'000'000).ns()));
  EXPECT_EQ(account.tap(1).first, Instant(seconds(5).ns()));

  Account swapped(topology_, nullptr);
  Pipeline other_way(swapped, {}, nullptr);
  ASSERT_TRUE(run_files({second, first}, other_way).ok());
  EXPECT_EQ(swapped.senders().at({kSource, ServerId(0)}).sequences.only_at(1), 1U);
}

TEST_F(FileSourceTest, frames_come_in_the_order_of_the_taps_by_sender) {
  const std::vector<Bytes> heard = stream(40);
  const std::string first = write("first", capture(heard, 9));
  const std::string second = write("second", capture(heard, 1));
  Result<FileSource> source = FileSource::open({first, second});
  ASSERT_TRUE(source.ok());
  std::array<int, 2> out{};
  while (const auto frame = source.value().next()) {
    ++out.at(frame->tap);
    EXPECT_LE(std::abs(out[0] - out[1]), 2);
  }
  EXPECT_EQ(out[0], 40);
  EXPECT_EQ(out[1], 40);
}

TEST_F(FileSourceTest, interfaces_of_one_file_are_its_taps) {
  const std::vector<Bytes> heard = stream(2);
  CaptureBytes file;
  file.section().interface().interface().interface();
  file.packet(0, 1, heard[0]).packet(1, 2, heard[0]).packet(2, 3, heard[1]);
  Account account(topology_, nullptr);
  Pipeline pipeline(account, {}, nullptr);
  const auto faults = run_files({write("file", file)}, pipeline);
  ASSERT_TRUE(faults.ok());
  EXPECT_EQ(account.tap(0).frames, 1U);
  EXPECT_EQ(account.tap(1).frames, 1U);
  ASSERT_EQ(faults.value().size(), 1U);
  EXPECT_NE(faults.value().front().find("1 frames of a third interface"), std::string::npos);
}

TEST_F(FileSourceTest, a_file_that_goes_wrong_is_counted_up_to_there_and_named) {
  CaptureBytes file = capture(stream(3), 1);
  file.u32(7);
  Account account(topology_, nullptr);
  Pipeline pipeline(account, {}, nullptr);
  const std::string path = write("broken", file);
  const auto faults = run_files({path}, pipeline);
  ASSERT_TRUE(faults.ok());
  EXPECT_EQ(account.tap(0).frames, 3U);
  ASSERT_EQ(faults.value().size(), 1U);
  EXPECT_EQ(faults.value().front().find(path), 0U);
}

TEST_F(FileSourceTest, what_is_no_capture_is_an_error) {
  EXPECT_FALSE(FileSource::open({folder_ / "none"}).ok());
  EXPECT_FALSE(FileSource::open({write("text", CaptureBytes().u32(1))}).ok());
}

TEST_F(FileSourceTest, frames_that_were_cut_short_are_told) {
  const std::vector<Bytes> heard = stream(1);
  CaptureBytes file;
  file.pcap_head().u32(1).u32(0).u32(20).u32(200).bytes(ByteView(heard[0]).first(20));
  Account account(topology_, nullptr);
  Pipeline pipeline(account, {}, nullptr);
  const auto faults = run_files({write("cut", file)}, pipeline);
  ASSERT_TRUE(faults.ok());
  ASSERT_EQ(faults.value().size(), 1U);
  EXPECT_NE(faults.value().front().find("in part"), std::string::npos);
}

}  // namespace
}  // namespace garrison::tap
