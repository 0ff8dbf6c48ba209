#include "tests/mutation/mutation.h"

#include <cstdlib>

namespace garrison::mutation {

bool on(std::string_view mutant) {
  static const char* const kChosen = std::getenv("MUTANT");
  return kChosen != nullptr && mutant == kChosen;
}

}  // namespace garrison::mutation
