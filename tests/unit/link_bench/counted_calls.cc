#include "tests/unit/link_bench/counted_calls.h"

#include <dlfcn.h>
#include <pthread.h>

#include <cstddef>

namespace {
thread_local bool counting = false;
thread_local garrison::link_bench::Calls calls;

void count(std::uint64_t& of) {
  if (counting) ++of;
}

// The definition that this one stands before.
template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}
}  // namespace

namespace garrison::link_bench {
void start_counting() {
  calls = {};
  counting = true;
}
Calls stop_counting() {
  counting = false;
  return calls;
}
}  // namespace garrison::link_bench

// glibc's own names of what is replaced here: they are there before anything else runs. operator new comes here, too.
extern "C" {
void* __libc_malloc(std::size_t size);                 // NOLINT
void* __libc_calloc(std::size_t n, std::size_t size);  // NOLINT
void* __libc_realloc(void* at, std::size_t size);      // NOLINT
void __libc_free(void* at);                            // NOLINT

void* malloc(std::size_t size) {
  count(calls.allocations);
  return __libc_malloc(size);
}
void* calloc(std::size_t n, std::size_t size) {
  count(calls.allocations);
  return __libc_calloc(n, size);
}
void* realloc(void* at, std::size_t size) {
  count(calls.allocations);
  return __libc_realloc(at, size);
}
void free(void* at) {
  if (at != nullptr) count(calls.allocations);
  __libc_free(at);
}

#define GARRISON_COUNT_LOCK(name, type)                        \
  int name(type* lock) noexcept {                              \
    static int (*const real)(type*) = next<int(type*)>(#name); \
    count(calls.locks);                                        \
    return real(lock);                                         \
  }
GARRISON_COUNT_LOCK(pthread_mutex_lock, pthread_mutex_t)
GARRISON_COUNT_LOCK(pthread_mutex_trylock, pthread_mutex_t)
GARRISON_COUNT_LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
GARRISON_COUNT_LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)
#undef GARRISON_COUNT_LOCK
int pthread_spin_lock(pthread_spinlock_t* lock) noexcept {
  static int (*const real)(pthread_spinlock_t*) = next<int(pthread_spinlock_t*)>("pthread_spin_lock");
  count(calls.locks);
  return real(lock);
}
}
