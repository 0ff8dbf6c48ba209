#include "dataplane/base/drops.h"

namespace garrison {

namespace {
struct Row {
  std::string_view name;
  std::string_view text;
};
constexpr std::array<Row, kDropReasons> kRows{{
#define GARRISON_ROW(id, text) {#id, text},
    GARRISON_DROP_REASONS(GARRISON_ROW)
#undef GARRISON_ROW
}};
}  // namespace

std::string_view name(DropReason reason) { return kRows[static_cast<std::size_t>(reason)].name; }
std::string_view text(DropReason reason) { return kRows[static_cast<std::size_t>(reason)].text; }

}  // namespace garrison
