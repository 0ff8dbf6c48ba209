// Tables of the topology by the functions that read them: those that other files have too, and those that stand in a
// file of their own.
//
// Keys that are absent leave `out` as it is. After a fault `out` is of no use.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "control/config/toml_section.h"
#include "control/config/topology.h"

namespace garrison::config {

// [prime].
void read_prime(Faults& faults, const toml::table& table, PrimeSettings& out);
// The same keys in a section that knows others as well.
inline constexpr std::array<std::string_view, 17> kPrimeKeys{"eager",
                                                             "flood_on_request",
                                                             "po_request_period",
                                                             "po_summary_period",
                                                             "summary_matrix_period",
                                                             "pre_prepare_period",
                                                             "retransmit_period",
                                                             "k_lat",
                                                             "delta_pp",
                                                             "tat_measure_period",
                                                             "rtt_ping_period",
                                                             "reconciliation_delay",
                                                             "max_updates_per_request",
                                                             "preorder_window",
                                                             "ordering_window",
                                                             "kept_window",
                                                             "checkpoint_interval"};
void read_prime(Section& section, PrimeSettings& out);

// [bft].
void read_bft(Faults& faults, const toml::table& table, BftSettings& out);

// ip_mtu and lossy.
void read_link(Section& section, LinkSettings& out);

// Every [[site]] of the file.
void read_sites(Faults& faults, Section& root, std::vector<SiteSettings>& out);
// What ports and addresses of all servers must be to each other. `root` is the table that `sites` were read from.
void check_network(Faults& faults, const toml::table& root, const std::vector<SiteSettings>& sites);

// [cores], once the sites have been read.
void read_cores(Faults& faults, const toml::table& table, Topology& out);

// [global] of so many sites whose servers order with `local`.
void read_global(Faults& faults, const toml::table& table, std::size_t sites, const PrimeSettings& local,
                 GlobalSettings& out);
// [global] and [wan], once everything else has been read.
void read_wide_area(Faults& faults, Section& root, Topology& out);

}  // namespace garrison::config
