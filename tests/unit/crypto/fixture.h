// Shared by the tests of crypto/: hex, and keys that are slow to make, made once per program.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string_view>

#include "crypto/key_directory.h"
#include "crypto/signature.h"
#include "dataplane/base/bytes.h"

namespace garrison::crypto {

inline Bytes unhex(std::string_view digits) {
  const auto value = [](char c) { return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
  Bytes out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(value(digits[i]) << 4U | value(digits[i + 1])));
  }
  return out;
}

inline Bytes ascii(std::string_view characters) { return to_bytes(as_bytes(characters)); }
inline Bytes vec(ByteView view) { return to_bytes(view); }

// The encoded private key of a scheme; the same one in every test.
inline const SecretBytes& secret_of(Scheme scheme) {
  static std::map<Scheme, SecretBytes> made;
  auto at = made.find(scheme);
  if (at == made.end()) at = made.emplace(scheme, PrivateKey::generate(scheme).value().encoded()).first;
  return at->second;
}

inline PrivateKey private_key(Scheme scheme) { return PrivateKey::parse(scheme, secret_of(scheme)).value(); }

inline PublicKeys public_keys(Scheme scheme) {
  return {.scheme = scheme, .signing = private_key(scheme).public_key().encoded(), .agreement = Bytes(32, 9)};
}

inline constexpr Scheme kAllSchemes[] = {Scheme::ed25519, Scheme::rsa2048, Scheme::rsa3072, Scheme::modelled_rsa1024,
                                         Scheme::modelled};

}  // namespace garrison::crypto
