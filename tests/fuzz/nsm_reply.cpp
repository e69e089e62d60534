// SPDX-License-Identifier: Apache-2.0
//
// Contract: no bytes of the Nitro Secure Module make a reader throw or read past them. A reply is of
// one kind at most, and what was read lies in its bounds; every other one is refused by a rule, as
// nonsense or as a locked register.
#include <enfilade/attest/device/nsm_reply.hpp>

#include "script.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace {

using namespace enfilade;

template <class T>
int read(const judged<T>& answer) {
  if (answer) return 1;
  const errc code = answer.error().code;
  fuzz::require(code == errc::attest_device_failed || code == errc::attest_registers_taken);
  fuzz::require(!answer.error().rule.empty());
  return 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto reply = std::as_bytes(std::span{data, size});
  const auto document = read_nsm_document(reply);
  if (document) fuzz::require(!document->empty() && document->size() < size);
  const auto description = read_nsm_description(reply);
  if (description) {
    fuzz::require(description->max_pcrs >= 1 && description->max_pcrs <= 32);
    fuzz::require(!description->module_id.empty() && description->module_id.size() <= 128);
    for (std::size_t i = description->max_pcrs; i != 32; ++i)
      fuzz::require(!description->locked_registers.test(i));
  }
  const int kinds = read(document) + read(description) + read(read_nsm_register(reply)) +
                    read(read_nsm_extended(reply)) + read(read_nsm_done(reply, "LockPCR")) +
                    read(read_nsm_done(reply, "LockPCRs"));
  fuzz::require(kinds <= 1 && (kinds == 0 || size <= 0x3000));
  return 0;
}
