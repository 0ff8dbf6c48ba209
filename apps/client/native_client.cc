#include "apps/client/native_client.h"

#include <pthread.h>

#include <asio/dispatch.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include "apps/client/native_client_impl.h"
#include "control/client/pattern.h"
#include "control/client/session.h"
#include "control/config/names.h"

namespace garrison::client {

struct NativeClient::OwnThread {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> keep_running = asio::make_work_guard(io);
  std::thread thread;
};

NativeClient::NativeClient() = default;

NativeClient::~NativeClient() {
  if (impl_ == nullptr) return;
  if (thread_ == nullptr) {
    impl_->close();
    return;
  }
  asio::post(thread_->io, [impl = impl_] { impl->close(); });
  thread_->keep_running.reset();
  thread_->thread.join();
}

NativeClient::Config NativeClient::config_from(const config::Topology& topology, ClientId client) {
  const config::SiteSettings& site = topology.home_of(client);
  Config config;
  config.system = topology.system;
  config.site = site.id;
  config.faults = site.f;
  config.client = client;
  for (const config::ServerSettings& server : site.servers) config.servers.push_back(server.client);
  config.window = topology.client.window;
  config.timeout = topology.client.timeout;
  config.pattern = pattern_of(topology);
  return config;
}

Result<std::unique_ptr<NativeClient>> NativeClient::make(asio::io_context& io, const Config& config,
                                                         const crypto::PrivateBundle& bundle,
                                                         const crypto::KeyDirectory& directory) {
  const crypto::Principal self = crypto::Principal::client(config.client);
  if (bundle.self != self) {
    return Error{"the private key file is of " + config::principal_name(bundle.self) + ", not of " +
                 config::client_name(config.client)};
  }
  if (directory.system() != config.system) return Error{"public.keys is of another system than the topology"};
  if (Result<void> belongs = crypto::check_belongs(bundle, directory); !belongs) return belongs.error();
  Result<crypto::PrivateKey> key = crypto::PrivateKey::parse(bundle.scheme, bundle.signing);
  if (!key) return key.error();

  std::vector<crypto::HmacKey> reply_keys;
  for (std::size_t i = 0; i < config.servers.size(); ++i) {
    const ServerId server(static_cast<std::uint16_t>(i));
    const crypto::PublicKeys* keys = directory.find(crypto::Principal::server(config.site, server));
    if (keys == nullptr) return Error{"public.keys has no server " + config::server_name(config.site, server)};
    const Result<crypto::SecretBytes> secret =
        session_secret(bundle.agreement, keys->agreement, config.system, config.client, config.site, server);
    if (!secret) return secret.error();
    reply_keys.emplace_back(secret.value().view());
  }
  auto client = std::unique_ptr<NativeClient>(new NativeClient);
  client->impl_ = std::make_shared<Impl>(io, config, bundle.epoch,
                                         crypto::BatchSigner(config.system, self, bundle.epoch, std::move(key).value()),
                                         std::move(reply_keys));
  client->impl_->start();
  return client;
}

Result<std::unique_ptr<NativeClient>> NativeClient::make(const Config& config, const crypto::PrivateBundle& bundle,
                                                         const crypto::KeyDirectory& directory) {
  auto own = std::make_unique<OwnThread>();
  Result<std::unique_ptr<NativeClient>> made = make(own->io, config, bundle, directory);
  if (!made) return made;
  own->thread = std::thread([&io = own->io] {
    static_cast<void>(::pthread_setname_np(::pthread_self(), "client"));
    io.run();
  });
  made.value()->thread_ = std::move(own);
  return made;
}

void NativeClient::submit(Bytes operation, Callback done) {
  asio::dispatch(impl_->io(), [impl = impl_, operation = std::move(operation), done = std::move(done)]() mutable {
    impl->submit(std::move(operation), std::move(done));
  });
}

void NativeClient::query(Bytes operation, Callback done) {
  asio::dispatch(impl_->io(), [impl = impl_, operation = std::move(operation), done = std::move(done)]() mutable {
    impl->query(std::move(operation), std::move(done));
  });
}

namespace {
// begin(done) begins what is waited for.
template <typename Begin>
Result<Bytes> wait_for(const Begin& begin) {
  // Shared: the call-back may still be inside set_value() when the waiting thread goes on.
  const auto promise = std::make_shared<std::promise<Result<Bytes>>>();
  std::future<Result<Bytes>> result = promise->get_future();
  begin([promise](Result<Bytes> done) { promise->set_value(std::move(done)); });
  return result.get();
}
}  // namespace

Result<Bytes> NativeClient::call(ByteView operation) {
  return wait_for([&](Callback done) { submit(to_bytes(operation), std::move(done)); });
}

Result<Bytes> NativeClient::call_query(ByteView operation) {
  return wait_for([&](Callback done) { query(to_bytes(operation), std::move(done)); });
}

NativeClient::Stats NativeClient::stats() const { return impl_->stats(); }

}  // namespace garrison::client
