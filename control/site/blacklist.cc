#include "control/site/blacklist.h"

namespace garrison::site {

std::string_view name(Offence offence) {
  switch (offence) {
    case Offence::wrong_part:
      return "wrong-part";
    case Offence::too_many_faulty:
      return "too-many-faulty";
    case Offence::groundless_inquiry:
      return "groundless-inquiry";
    case Offence::repeated_inquiry:
      return "repeated-inquiry";
    case Offence::needless_inquiry:
      return "needless-inquiry";
    case Offence::groundless_response:
      return "groundless-response";
    case Offence::false_response:
      return "false-response";
  }
  check_failed("a known offence", __FILE__, __LINE__);
}

std::string_view text(Offence offence) {
  switch (offence) {
    case Offence::wrong_part:
      return "signed a part that is not of the link message";
    case Offence::too_many_faulty:
      return "more of its servers are faulty than may be";
    case Offence::groundless_inquiry:
      return "asked who had sent wrong parts, and they were all right";
    case Offence::repeated_inquiry:
      return "asked again about a server that it had been told of";
    case Offence::needless_inquiry:
      return "asked about a link message that it had acknowledged";
    case Offence::groundless_response:
      return "its servers coded a link message that it has not signed";
    case Offence::false_response:
      return "answered with what is not the link message in question";
  }
  check_failed("a known offence", __FILE__, __LINE__);
}

}  // namespace garrison::site
