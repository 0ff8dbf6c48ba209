#include "control/service/service.h"

#include <string>

#include "control/service/kv_service.h"
#include "control/service/null_service.h"

namespace garrison::service {

Result<std::unique_ptr<Service>> make_service(std::string_view kind, const ServiceOptions& options) {
  std::unique_ptr<Service> service;
  if (kind == "kv") service = std::make_unique<KvService>(options);
  if (kind == "null") service = std::make_unique<NullService>();
  if (!service) return Error{"no service \"" + std::string(kind) + "\"; there are: kv, null"};
  return service;
}

}  // namespace garrison::service
