#include "dataplane/runtime/rcu.h"

#include <urcu-qsbr.h>

#if defined(__SANITIZE_THREAD__)
#define GARRISON_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GARRISON_TSAN 1
#endif
#endif

#ifdef GARRISON_TSAN
extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}
#endif

namespace garrison::runtime {
namespace {

// Every grace period is one synchronisation point, of all readers with the publisher.
[[maybe_unused]] char grace_period;

void reader_is_done() {
#ifdef GARRISON_TSAN
  __tsan_release(&grace_period);
#endif
}

void readers_were_done() {
#ifdef GARRISON_TSAN
  __tsan_acquire(&grace_period);
#endif
}

}  // namespace

RcuReader::RcuReader() { rcu_register_thread(); }

RcuReader::~RcuReader() {
  reader_is_done();
  rcu_unregister_thread();
}

void RcuReader::quiescent() {
  reader_is_done();
  rcu_quiescent_state();
}

void RcuReader::offline() {
  reader_is_done();
  rcu_thread_offline();
}

void RcuReader::online() { rcu_thread_online(); }

void rcu_synchronize() {
  synchronize_rcu();
  readers_were_done();
}

}  // namespace garrison::runtime
