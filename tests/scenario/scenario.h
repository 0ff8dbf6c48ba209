// Plain-text scenarios: one line, one action or expectation.
//
//   site N [f F] [bft]                    first; servers A1 to AN, ordering by Prime or BFT
//   set OPTION VALUE                      of every server's core, before anything else happens
//   delay TIME                            of messages sent from now on; 1ms at first
//   adversary SERVER SPECS                from now on that server is faulty; docs/adversaries.md has the specs
//   submit SERVER [COUNT]                 updates of the server's own client
//   lose|hold TYPES [from SERVERS] [to SERVERS] [COUNT times]
//   release                               what was held back goes on its way, and nothing more is held
//   crash SERVER
//   partition SERVERS | SERVERS ...
//   heal                                  ends losses and partitions
//   advance TIME                          time passes
//   deliver all                           whatever is under way and follows from it, without time passing
//   expect executed [at least] N [at SERVERS]
//   expect view N [at SERVERS]
//   expect leader SERVER [at SERVERS]
//   expect blacklisted SERVER|nobody [at SERVERS]
//   expect blamed SERVER|nobody [at SERVERS]
//   expect dropped REASON [at SERVERS]
//   expect sent|unsent TYPES [from SERVERS] [to SERVERS]
//   expect acted SERVER                   each of its adversaries did something
//   expect stuck                          last line: what is left is never executed, even when all has healed
//
// SERVERS is `all` or names; where it is left out it means every correct server that runs, for from and to every
// server. TYPES is `all` or names of messages joined by +. `#` starts a comment. After every line the invariants are
// checked: agreement, exactly once, promises, no correct server blamed. At the end everything heals, and every update
// that a correct server was handed must be executed by all correct servers.
#pragma once

#include <string>
#include <string_view>

namespace garrison::scenario {

// Empty when all is well; else "FILE:LINE: what is wrong".
[[nodiscard]] std::string run_scenario(std::string_view file, std::string_view text);

}  // namespace garrison::scenario
