#include "apps/node/metrics.h"

#include <string_view>

#include "apps/metrics/families.h"
#include "apps/node/counters.h"
#include "control/config/names.h"

namespace garrison::node {

namespace {

using metrics::Families;

double one_if(bool what) { return what ? 1 : 0; }

void add_ports(const Node& node, SiteServer id, Families& out) {
  server::Server& server = node.server(id);
  const stages::LanStage* const wan = server.wan() == nullptr ? nullptr : node.wan_stage(id);
  const auto each = [&](std::string_view name, std::string_view help, const auto& lan_value, const auto& wan_value) {
    out.counter(name, help, lan_value(), {{"port", "lan"}});
    if (wan != nullptr) out.counter(name, help, wan_value(), {{"port", "wan"}});
  };
  each(
      "garrison_frames_received_total", "Frames taken from a port.",
      [&] { return node.lan_stage(id).counters().rx_frames.get(); }, [&] { return wan->counters().rx_frames.get(); });
  each(
      "garrison_frames_sent_total", "Frames that a port has taken.",
      [&] { return node.lan_stage(id).counters().tx_frames.get(); }, [&] { return wan->counters().tx_frames.get(); });
  each(
      "garrison_received_bytes_total", "Bytes of whole frames received, Ethernet headers included.",
      [&] { return server.lan().bytes_received(); }, [&] { return server.wan()->bytes_received(); });
  each(
      "garrison_sent_bytes_total", "Bytes of whole frames sent, Ethernet headers included.",
      [&] { return server.lan().bytes_sent(); }, [&] { return server.wan()->bytes_sent(); });
}

void add_drops(const Node& node, SiteServer id, Families& out) {
  const DropTotals drops = drops_of(node, id);
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    const auto reason = static_cast<DropReason>(i);
    out.counter("garrison_drops_total", "What was dropped, by reason.", drops[i],
                {{"reason", std::string(name(reason))}});
  }
}

// Of the protocol inside the site ("local") or among sites ("global").
struct Ordering {
  std::string_view protocol;
  const ordering::Status& status;
};

void add_orderings(const std::vector<Ordering>& protocols, Families& out) {
  const auto each = [&](std::string_view name, std::string_view help, const auto& value) {
    for (const Ordering& one : protocols) {
      out.gauge(name, help, value(one.status), {{"protocol", std::string(one.protocol)}});
    }
  };
  each("garrison_view", "View of the ordering protocol.",
       [](const ordering::Status& status) { return static_cast<double>(status.view.value()); });
  each("garrison_view_installed", "1: the view is installed; 0: a view change is under way.",
       [](const ordering::Status& status) { return one_if(status.view_installed); });
  each("garrison_leader", "Number of the leader of the view, from 1: a server, or a site.",
       [](const ordering::Status& status) { return static_cast<double>(status.leader.value()) + 1; });
  each("garrison_leader_suspected", "1: this server suspects the leader of the view.",
       [](const ordering::Status& status) { return one_if(status.leader_suspected); });
  each("garrison_blacklisted", "Participants that are blacklisted.",
       [](const ordering::Status& status) { return static_cast<double>(status.blacklist.size()); });
  const auto known = [&](std::string_view name, std::string_view help, Duration ordering::Status::*value) {
    for (const Ordering& one : protocols) {
      if (one.status.*value > message::kLongestMeasured) continue;
      out.gauge(name, help, (one.status.*value).seconds(), {{"protocol", std::string(one.protocol)}});
    }
  };
  known("garrison_turnaround_seconds", "TAT_leader: the leader's turnaround time as measured; absent while unknown.",
        &ordering::Status::tat_leader);
  known("garrison_turnaround_acceptable_seconds",
        "TAT_acceptable: beyond it the leader is suspected; absent while unknown.", &ordering::Status::tat_acceptable);
  for (const Ordering& one : protocols) {
    out.counter("garrison_ordered_total", "Sequences of the global order that are ordered.",
                one.status.globally_ordered.value(), {{"protocol", std::string(one.protocol)}});
  }
}

void add_work(server::Server& server, const server::ControlStatus& control, Families& out) {
  out.counter("garrison_updates_executed_total", "Updates executed since the service began, by whomever.",
              control.state_sequence);
  out.gauge("garrison_updates_waiting", "Updates of clients that wait to be introduced here.",
            static_cast<double>(control.ordering.updates_waiting));
  out.gauge("garrison_requests_outstanding", "Updates introduced here that are not executed.",
            static_cast<double>(control.ordering.requests_outstanding));
  out.counter("garrison_replies_sent_total", "Replies to updates of clients.", server.client().replies_sent());
  out.counter("garrison_queries_answered_total", "Queries answered within the site.",
              server.control().queries().answered());
  out.counter("garrison_signatures_made_total", "Signatures of this server.", server.crypto().signatures_made());
  out.counter("garrison_messages_signed_total", "Messages under those signatures.", server.crypto().messages_signed());
  out.counter("garrison_messages_verified_total", "Messages whose signature was looked at.",
              server.crypto().messages_verified());
  out.gauge("garrison_catching_up", "1: it takes over the state of its peers.", one_if(control.transfer.catching_up));
  out.gauge("garrison_checkpoint", "Sequence of the last checkpoint.",
            static_cast<double>(control.transfer.checkpoint.value()));
}

void add_sites(server::Server& server, const server::ControlStatus& control, Families& out) {
  if (!control.global.has_value()) return;
  const site::MachineStatus& machine = control.machine;
  out.counter("garrison_site_events_total", "Events of the site's local order that its logical machine executed.",
              machine.events);
  out.counter("garrison_site_batches_total", "Batches of outgoing messages that the site closed.", machine.batches);
  out.counter("garrison_site_signatures_total", "Threshold signatures of the site that are known here.",
              control.site_signatures);
  out.counter("garrison_link_messages_executed_total", "Link messages of other sites.", machine.link_messages);
  out.counter("garrison_convictions_total", "Servers and sites that this server has evidence against.",
              server.control().evidence().all().size());
  for (const site::MachineStatus::Office& office : machine.offices) {
    out.counter("garrison_blink_rotations_total", "Elections of the pair that carries a blink link.", office.rotations,
                {{"to", config::site_name(office.to)}});
  }
  const auto hub = server.wan() == nullptr ? std::nullopt : server.wan()->hub();
  if (!hub.has_value()) return;
  out.counter("garrison_hub_link_messages_total", "Link messages that this server made its part of.",
              hub->sent.submitted);
  for (const auto& [what, count] : hub_parts(*hub)) {
    out.counter("garrison_hub_parts_total", "Parts of link messages on the hub, by what became of them.", count,
                {{"what", std::string(what)}});
  }
  out.counter("garrison_hub_requests_total", "Link messages that this server asked other sites for.", hub->requested);
  out.gauge("garrison_hub_demoted", "Servers of the site that are in the second set for good reason.",
            static_cast<double>(machine.demoted.size()));
}

void add_queues(const server::Queues& queues, Families& out) {
  for (const auto& [queue, depth] : queue_depths(queues)) {
    out.gauge("garrison_queue_messages", "What waits between the parts of the server.", static_cast<double>(depth),
              {{"queue", std::string(queue)}});
  }
}

// Of the process: the same at all servers in it.
void add_workers(const Node& node, Families& out) {
  const auto each = [&](std::string_view name, std::string_view help, Counter runtime::WorkerCounters::*which) {
    for (const auto& worker : node.workers()) {
      out.counter(name, help, (worker->counters().*which).get(), {{"worker", worker->name()}});
    }
  };
  each("garrison_worker_passes_total", "Rounds of a worker of this process.", &runtime::WorkerCounters::passes);
  each("garrison_worker_busy_passes_total", "Those in which there was work.", &runtime::WorkerCounters::busy_passes);
  each("garrison_worker_sleeps_total", "How often it slept.", &runtime::WorkerCounters::sleeps);
}

}  // namespace

std::string metrics_of(const Node& node, SiteServer id) {
  server::Server& server = node.server(id);
  const server::ControlStatus control = node.server(id).control().status();
  Families out({{"server", server.name()}, {"site", config::site_name(server.site())}});
  out.gauge("garrison_running", "0: it was stopped inside its process.", one_if(node.running(id)));
  std::vector<Ordering> protocols{{"local", control.ordering}};
  if (control.global.has_value()) protocols.push_back({"global", *control.global});
  add_orderings(protocols, out);
  add_work(server, control, out);
  add_sites(server, control, out);
  add_ports(node, id, out);
  add_drops(node, id, out);
  add_queues(server.queues(), out);
  add_workers(node, out);
  return out.text();
}

}  // namespace garrison::node
