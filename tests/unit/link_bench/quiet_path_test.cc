// The packet path of hub links, from messages over a port to decoded messages, allocates nothing, takes no lock and
// makes no system call once it runs. In a process of its own, which the kernel ends at the first system call after the
// warm-up.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "apps/link_bench/bench_address.h"
#include "apps/link_bench/hub_bench_end.h"
#include "dataplane/coding/code.h"
#include "dataplane/io/ethdev_port.h"
#include "dataplane/io/pool.h"
#include "dataplane/io/wide_area.h"
#include "dataplane/link/part_collector.h"
#include "dataplane/runtime/clock.h"
#include "dataplane/runtime/eal.h"
#include "dataplane/stages/lan_stage.h"
#include "tests/unit/link_bench/counted_calls.h"

namespace garrison::link_bench {
namespace {

constexpr SiteId kFrom(0);
constexpr SiteId kTo(1);
constexpr std::size_t kParts = 4;
constexpr std::size_t kNeeded = 3;
constexpr std::size_t kMessageBytes = 3000;
constexpr std::size_t kPartBytes = kMessageBytes / kNeeded;
constexpr std::uint64_t kWarmUp = 500;
constexpr std::uint64_t kMeasured = 5000;
constexpr int kPatience = 100'000;

// What the process that is watched leaves behind.
struct Findings {
  bool ran = false;
  long system_call = -1;
  Calls calls;
};
Findings* findings = nullptr;

void on_system_call(int, siginfo_t* info, void*) {
  findings->system_call = info->si_syscall;
  _exit(1);
}

// From here on this thread may do nothing but end its process.
void forbid_system_calls() {
  struct sigaction action {};
  action.sa_sigaction = on_system_call;
  action.sa_flags = SA_SIGINFO;
  CHECK(sigaction(SIGSYS, &action, nullptr) == 0);
  std::array<sock_filter, 4> filter{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
                                     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                                     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP)}};
  const sock_fprog program{.len = static_cast<unsigned short>(filter.size()), .filter = filter.data()};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
}

// Calls `pass` until it has been warm, then under watch.
Findings watch(const std::function<std::function<void()>()>& make) {
  void* const shared = mmap(nullptr, sizeof(Findings), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  findings = new (shared) Findings;
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(runtime::start_eal({.memory_mib = 64}));
    const std::function<void()> pass = make();
    for (std::uint64_t i = 0; i < kWarmUp; ++i) pass();
    forbid_system_calls();
    start_counting();
    for (std::uint64_t i = 0; i < kMeasured; ++i) pass();
    findings->calls = stop_counting();
    findings->ran = true;
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  const Findings found = *findings;
  munmap(shared, sizeof(Findings));
  return found;
}

void expect_quiet(const Findings& found) {
  EXPECT_EQ(found.system_call, -1) << "was made";
  EXPECT_TRUE(found.ran);
  EXPECT_EQ(found.calls.allocations, 0U);
  EXPECT_EQ(found.calls.locks, 0U);
}

// The servers of one site that send, and of one that receive; the first of those decodes.
class Link {
 public:
  Link()
      : collector_({.max_message_bytes = kMessageBytes},
                   std::array{link::PartCollector::Source{kFrom, {.n = kParts, .k = kNeeded}}}) {
    for (std::size_t i = 0; i < 2 * kParts; ++i) {
      const bool sends = i < kParts;
      const std::size_t self = i % kParts;
      ends_.push_back(
          std::make_unique<HubBenchEnd>(HubBenchEnd::Config{.site = sends ? kFrom : kTo,
                                                            .self = ServerId(static_cast<std::uint16_t>(self)),
                                                            .other = sends ? kTo : kFrom,
                                                            .parts = kParts,
                                                            .needed = kNeeded},
                                        [this, i](const link::HubLinks::Heard& heard) { return take(i, heard); }));
    }
  }
  [[nodiscard]] HubBenchEnd& end(std::size_t i) { return *ends_[i]; }

  // All servers of the site send the next message, and `pass` runs until it is decoded.
  void carry(const std::function<void(Instant)>& pass) {
    ++sequence_;
    now_ = clock_.now();
    for (std::size_t i = 0; i < message_.size(); ++i) message_[i] = static_cast<std::uint8_t>(i * 3 + sequence_);
    // The last one is of the second set.
    for (std::size_t i = 0; i < kParts; ++i) {
      code_.encode(message_, i, rows_[i]);
      end(i).links().submit(now_, kTo,
                            {.traffic = TrafficClass::bounded,
                             .sequence = SeqNum(sequence_),
                             .first_set = ServerSet::all(kNeeded),
                             .bytes = rows_[i],
                             .handle = sequence_,
                             .encoding = encoding_});
    }
    for (int i = 0; decoded_ < sequence_ || i < 8; ++i) {  // and what is on its way to others
      CHECK(i < kPatience);
      now_ = clock_.now();
      pass(now_);
    }
    for (std::size_t i = 0; i < kParts; ++i) {
      end(i).links().acknowledged(kTo, SeqNum(sequence_));
      while (end(i).links().next_released().has_value()) {
      }
    }
  }

 private:
  bool take(std::size_t at, const link::HubLinks::Heard& heard) {
    end(at).links().verdict(now_, heard.name, true);
    if (at != kParts) return true;
    const link::LinkMessageId id{heard.name.from, heard.name.traffic, heard.name.sequence};
    const auto refused = collector_.take({.of = id,
                                          .code = {.n = kParts, .k = kNeeded},
                                          .index = heard.name.index,
                                          .message_bytes = kMessageBytes,
                                          .bytes = heard.bytes,
                                          .whole = heard.bytes});
    if (refused.has_value()) return true;
    if (const auto candidate = collector_.candidate(id); candidate.has_value()) {
      CHECK(equal(candidate->message, message_));
      collector_.advance(kFrom, TrafficClass::bounded, heard.name.sequence.next());
      ++decoded_;
    }
    return true;
  }

  std::vector<std::unique_ptr<HubBenchEnd>> ends_;
  coding::Code code_{kParts, kNeeded};
  link::PartCollector collector_;
  runtime::Clock clock_;
  Instant now_;
  Bytes message_ = Bytes(kMessageBytes);
  std::array<Bytes, kParts> rows_{Bytes(kPartBytes), Bytes(kPartBytes), Bytes(kPartBytes), Bytes(kPartBytes)};
  std::array<Digest, kParts> encoding_{};
  std::uint64_t sequence_ = 0;
  std::uint64_t decoded_ = 0;
};

io::Pool pool(const char* name) {
  Result<io::Pool> made = io::make_pool({.name = name, .mbufs = 2047});
  CHECK(made);
  return std::move(made).value();
}

// A site's hub and that of the other one, in this process.
struct Hubs {
  Hubs() {
    std::vector<io::WideAreaPort> ports;
    for (std::size_t i = 0; i < 2 * kParts; ++i) {
      const SiteId site = i < kParts ? kFrom : kTo;
      const auto mac = bench_address(site, ServerId(static_cast<std::uint16_t>(i % kParts))).mac;
      ports.push_back({{.name = "port" + std::to_string(i), .mac = mac, .rx_pool = mbufs.get()}, site});
    }
    area = std::make_unique<io::WideAreaStage>(
        "hubs", ports,
        io::WideAreaConfig{.bytes_per_s = {0, 0}, .delay = {{{}, {}}, {{}, {}}}, .hubs = {true, true}, .frames = 256},
        256);
    for (std::size_t i = 0; i < 2 * kParts; ++i) {
      stages.push_back(
          std::make_unique<stages::LanStage>("stage" + std::to_string(i), area->port(i), link.end(i), *mbufs));
    }
  }
  void pass(Instant now) {
    for (const auto& stage : stages) static_cast<void>(stage->poll(now));
    static_cast<void>(area->poll(now));
  }

  io::Pool mbufs = pool("hubs");
  Link link;
  std::unique_ptr<io::WideAreaStage> area;
  std::vector<std::unique_ptr<stages::LanStage>> stages;
};

// What some send comes back and is received by another one: a port whose two ends are one.
class Both final : public stages::FrameEndpoint {
 public:
  explicit Both(Link& link) : link_(link) {}
  void on_frame(Instant now, ByteView frame) override { link_.end(kParts).on_frame(now, frame); }
  std::size_t next_frame(Instant now, MutableBytes out) override {
    for (std::size_t i = 0; i < kParts; ++i) {
      if (const std::size_t size = link_.end(i).next_frame(now, out); size > 0) return size;
    }
    return 0;
  }
  void poll(Instant now) override {
    for (std::size_t i = 0; i <= kParts; ++i) link_.end(i).poll(now);
  }

 private:
  Link& link_;
};

struct NetRing {
  NetRing() {
    auto opened = io::EthdevPort::open({.devargs = "net_ring0", .pool = mbufs.get()});
    CHECK(opened);
    port = std::move(opened).value();
    stage = std::make_unique<stages::LanStage>("ring", *port, both, *mbufs);
  }

  io::Pool mbufs = pool("ring");
  Link link;
  Both both{link};
  std::unique_ptr<io::EthdevPort> port;
  std::unique_ptr<stages::LanStage> stage;
};

TEST(QuietPathTest, over_hubs_in_the_process_it_is_quiet) {
  expect_quiet(watch([]() -> std::function<void()> {
    const auto hubs = std::make_shared<Hubs>();
    return [hubs] { hubs->link.carry([&](Instant now) { hubs->pass(now); }); };
  }));
}

TEST(QuietPathTest, over_net_ring_it_is_quiet) {
  expect_quiet(watch([]() -> std::function<void()> {
    const auto ring = std::make_shared<NetRing>();
    return [ring] { ring->link.carry([&](Instant now) { static_cast<void>(ring->stage->poll(now)); }); };
  }));
}

TEST(QuietPathTest, what_is_not_quiet_is_found_out) {
  const Findings called = watch([]() -> std::function<void()> { return [] { static_cast<void>(getppid()); }; });
  EXPECT_EQ(called.system_call, SYS_getppid);
  EXPECT_FALSE(called.ran);
  const Findings noisy = watch([]() -> std::function<void()> {
    return [mutex = std::make_shared<std::mutex>()] {
      const std::lock_guard lock(*mutex);
      const auto bytes = std::make_unique<Bytes>(100);
    };
  });
  EXPECT_EQ(noisy.calls.locks, kMeasured);
  EXPECT_EQ(noisy.calls.allocations, 4 * kMeasured);
}

}  // namespace
}  // namespace garrison::link_bench
