#include "apps/commands/new.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "apps/commands/command.h"
#include "apps/commands/protocol.h"
#include "control/config/topology_text.h"

namespace garrison::apps {
namespace {

struct Options {
  std::string file{kDefaultTopologyFile};
  bool force = false;
  config::NewTopology wishes;
  std::string protocol{config::name(config::LocalProtocol::prime)};
  std::optional<std::string> link;
  std::string service{config::name(config::ServiceKind::kv)};
  std::string server_scheme{crypto::name(crypto::Scheme::ed25519)};
  std::string client_scheme{crypto::name(crypto::Scheme::ed25519)};
};

// 63 bits, since TOML integers are signed; never zero.
Result<SystemId> random_system() {
  std::uint64_t id = 0;
  while (id == 0) {
    if (::getrandom(&id, sizeof id, 0) != static_cast<ssize_t>(sizeof id)) {
      return Error{"the system gives no random numbers; try again"};
    }
    id >>= 1U;
  }
  return SystemId(id);
}

// All of the text in `path`, or what was there before. Without `force` an existing file is refused.
Result<void> write_file(const std::string& path, const std::string& text, bool force) {
  const auto failed = [&](const std::string& at, int error) {
    return Error{fmt::format("{}: cannot be written: {}", at, std::generic_category().message(error))};
  };
  if (!force && ::access(path.c_str(), F_OK) == 0) {
    return Error{fmt::format("{}: exists already; name another file, or overwrite it with --force", path)};
  }
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return failed(path, errno);
  int error = 0;
  for (std::size_t done = 0; done < text.size() && error == 0;) {
    const ssize_t wrote = ::write(file, text.data() + done, text.size() - done);
    if (wrote > 0) done += static_cast<std::size_t>(wrote);
    if (wrote < 0 && errno != EINTR) error = errno;
  }
  if (error == 0 && ::fsync(file) != 0) error = errno;
  if (::close(file) != 0 && error == 0) error = errno;
  // link() refuses a name that came into being meanwhile; rename() replaces it.
  if (error == 0 &&
      (force ? ::rename(temporary.c_str(), path.c_str()) : ::link(temporary.c_str(), path.c_str())) != 0) {
    error = errno;
  }
  ::unlink(temporary.c_str());
  if (error != 0) return failed(path, error);
  return {};
}

int make_topology(Options& options) {
  // The option's own check admits known names only.
  options.wishes.server_scheme = *crypto::scheme_from_name(options.server_scheme);
  options.wishes.client_scheme = *crypto::scheme_from_name(options.client_scheme);
  options.wishes.service =
      options.service == config::name(config::ServiceKind::null) ? config::ServiceKind::null : config::ServiceKind::kv;
  options.wishes.protocol = local_protocol(options.protocol);
  if (options.link) options.wishes.link = config::link_kind(*options.link);
  const auto system = random_system();
  if (!system) return complain(system.error().message), kFailed;
  options.wishes.system = system.value();

  const auto text = config::new_topology_text(options.wishes);
  if (!text) return complain(text.error().message), kMisused;
  if (const auto written = write_file(options.file, text.value(), options.force); !written) {
    return complain(written.error().message), kMisused;
  }
  fmt::print("{}: {}{} servers, {} clients\nnext: 'garrison keys -t {}'\n", options.file,
             options.wishes.sites > 1 ? fmt::format("{} sites of ", options.wishes.sites) : "", options.wishes.servers,
             options.wishes.clients, options.file);
  return kDone;
}

}  // namespace

void add_new_command(CLI::App& app, int& exit_status) {
  CLI::App& command = *app.add_subcommand("new", "write the topology of a new deployment");
  const auto options = std::make_shared<Options>();
  config::NewTopology& wishes = options->wishes;
  add_topology_option(command, options->file);
  command.add_flag("--force", options->force, "overwrite the file");
  command.add_option("--name", wishes.name, "name of the deployment")->capture_default_str();
  command.add_option("--sites", wishes.sites, "sites, 1 to 16")->capture_default_str();
  command.add_option("--servers", wishes.servers, "servers of each site: 4, 7, 10, 13 or 16")->capture_default_str();
  command.add_option("--f-global", wishes.f_global,
                     "F: faulty or lost sites to tolerate, of at least 3F + 1; as many as there can be if not given");
  command.add_option("--link", options->link, "how messages cross between sites; erasure if not given")
      ->check(CLI::IsMember(
          {"erasure", "naive", "forwarder", "hub-optimistic", "hub-minimum-parts", "hub-immediate", "blink"}));
  command.add_flag("--backup-forwarder", wishes.backup_forwarders, "a backup beside each forwarder");
  command.add_option("--clients", wishes.clients, "clients")->capture_default_str();
  command
      .add_option("--port", wishes.ports,
                  "inproc, af_packet:INTERFACE or a DPDK device; once for all servers, or once for each")
      ->take_all();
  command.add_option("--wan-port", wishes.wan_ports, "likewise, towards other sites; inproc if not given")->take_all();
  command
      .add_option("--host", wishes.hosts, "IP address for clients and status; once for all servers, or once for each")
      ->take_all();
  add_protocol_option(command, options->protocol);
  command.add_option("--service", options->service, "what is replicated")
      ->check(CLI::IsMember({"kv", "null"}))
      ->capture_default_str();
  const CLI::IsMember schemes({"ed25519", "rsa2048", "rsa3072"});
  command.add_option("--server-scheme", options->server_scheme, "signatures of servers")
      ->check(schemes)
      ->capture_default_str();
  command.add_option("--client-scheme", options->client_scheme, "signatures of clients")
      ->check(schemes)
      ->capture_default_str();
  command.callback([options, &exit_status] { exit_status = make_topology(*options); });
}

}  // namespace garrison::apps
