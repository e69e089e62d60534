// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/cose/cbor.hpp>
#include <enfilade/attest/device/nsm_device.hpp>
#include <enfilade/attest/device/nsm_reply.hpp>
#include <enfilade/cipher/der_signature.hpp>
#include <enfilade/cipher/hash.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/fake_kernel.hpp"
#include "support/nitro_maker.hpp"
#include "support/test_authority.hpp"

namespace test {

/// The five levels of AWS's authority, made for this test: root, region, zone, instance, and the key
/// that signs documents; valid from 2024 to 2049.
class nitro_authority {
 public:
  nitro_authority() {
    constexpr std::array<std::string_view, 4> names{"root", "region", "zone", "instance"};
    constexpr std::array<std::string_view, 4> paths{"", "020102", "020101", "020100"};
    std::vector<bytes> bundle;
    for (std::size_t i = 0; i != names.size(); ++i) {
      certificate_fields fields = fields_of(names[i == 0 ? 0 : i - 1], names[i], keys_[i]);
      fields.extensions = {authority(paths[i]), signs_certificates_and_lists()};
      bundle.push_back(fields.signed_by(keys_[i == 0 ? 0 : i - 1]));
    }
    root_ = bundle.front();
    std::vector<bytes> encoded;
    for (const bytes& certificate : bundle) encoded.push_back(cbor::string(certificate));
    cabundle_ = cbor::array(encoded);
    certificate_ = cbor::string(
        fields_of("instance", "leaf", keys_.back()).signed_by(keys_[names.size() - 1]));
  }

  const bytes& root() const { return root_; }

  /// The COSE message of a payload that these certificates are put into.
  bytes document(nitro_fields fields) const {
    fields.set("certificate", certificate_).set("cabundle", cabundle_);
    const bytes header = hex("a1013822");
    const bytes payload = fields.encoded();
    const bytes signed_bytes = joined({hex("846a5369676e617475726531"), cbor::string(header),
                                       cbor::string({}), cbor::string(payload)});
    const auto halves = enfilade::read_der_signature<48>(keys_.back().sign(signed_bytes));
    return joined({hex("84"), cbor::string(header), hex("a0"), cbor::string(payload),
                   cbor::string({halves->begin(), halves->end()})});
  }

 private:
  static certificate_fields fields_of(std::string_view issuer, std::string_view subject,
                                      const signing_key& key) {
    certificate_fields fields;
    fields.issuer = name(issuer);
    fields.subject = name(subject);
    fields.not_after = utc_time("491231235959Z");
    fields.key_info = key.key_info();
    return fields;
  }

  std::array<signing_key, 5> keys_;
  bytes root_;
  bytes cabundle_;
  bytes certificate_;
};

/// `/dev/nsm` of an enclave that the test runs: takes the requests apart, keeps 32 registers and
/// their locks, and signs documents under `root()`.
class fake_nsm : public fake_kernel::node {
 public:
  explicit fake_nsm(fake_kernel& machine) : machine_(machine) {
    for (std::size_t i = 0; i != 16; ++i) {
      registers[i].locked = true;
      if (i < 5) registers[i].value.fill(static_cast<std::byte>(i + 1));
    }
    machine.attach(*this);
  }

  // --- what a test may choose ------------------------------------------------------------------
  std::array<enfilade::nsm_register, 32> registers{};
  std::string module_id = "i-0123456789abcdef0-enc0123456789abcdef";
  std::chrono::sys_time<std::chrono::milliseconds> made_at =
      std::chrono::sys_days{std::chrono::year{2024} / 6 / 1};
  /// What the module answers to every request of that name, or to all for "".
  std::optional<std::string> error;
  std::string error_of;
  /// How long a request takes.
  std::chrono::nanoseconds takes{0};
  /// What becomes of a reply on its way: damaged, cut, another one.
  std::function<bytes(bytes)> spoil = [](bytes reply) { return reply; };
  /// What the driver says of the length of the reply in place of the truth.
  std::optional<std::uint64_t> claimed_size;
  /// Called before a request is answered, such as to have somebody else write a register.
  std::function<void(std::string_view)> before = [](std::string_view) {};

  // --- and what it may ask -----------------------------------------------------------------------
  const bytes& root() const { return authority_.root(); }
  const nitro_authority& authority() const { return authority_; }
  const bytes& last_request() const { return last_request_; }
  const std::vector<std::string>& requests() const { return requests_; }

  bool has(const std::string& path) const override { return path == "/dev/nsm"; }

  int ioctl(unsigned long number, void* argument) override {
    if (number != 0xC0200A00) return -EINVAL;
    auto& raw = *static_cast<enfilade::detail::nsm_raw*>(argument);
    if (raw.request_size > 0x1000) return -EMSGSIZE;
    const auto* request = reinterpret_cast<const std::byte*>(raw.request_address);
    last_request_.assign(request, request + raw.request_size);
    machine_.pass(takes);

    const bytes reply = spoil(answer(last_request_));
    // The driver cuts what does not fit, and says nothing.
    const std::size_t size = std::min<std::size_t>(raw.response_size, reply.size());
    std::memcpy(reinterpret_cast<void*>(raw.response_address), reply.data(), size);
    raw.response_size = claimed_size.value_or(size);
    return 0;
  }

 private:
  using cbor_value = enfilade::cbor_value;

  static bytes reply_of(std::string_view kind, const std::vector<std::pair<bytes, bytes>>& fields) {
    return cbor::map({{cbor::text(kind), cbor::map(fields)}});
  }
  static bytes error_reply(std::string_view name) {
    return cbor::map({{cbor::text("Error"), cbor::text(name)}});
  }
  static bytes digest(const enfilade::nsm_register& found) {
    return cbor::string({found.value.begin(), found.value.end()});
  }
  static bytes boolean(bool value) { return hex(value ? "f5" : "f4"); }

  bytes answer(const bytes& request) {
    const auto read = enfilade::cbor_document::read(request);
    if (!read) return error_reply("InvalidArgument");
    const cbor_value root = read->root();
    std::optional<cbor_value> content;
    std::string kind{root.text().value_or("")};
    for (const auto& [key, value] : root.entries()) {
      kind = key.text().value_or("");
      content = value;
    }
    requests_.push_back(kind);
    before(kind);
    if (error && (error_of.empty() || error_of == kind)) return error_reply(*error);
    if (kind == "DescribeNSM") return describe();
    if (!content) return error_reply("InvalidOperation");
    if (kind == "Attestation") return attest(*content);
    if (kind == "LockPCRs") {
      const auto end = content->find("range")->unsigned_number().value_or(99);
      if (end > registers.size()) return error_reply("InvalidIndex");
      for (std::size_t i = 0; i != end; ++i) registers[i].locked = true;
      return cbor::text("LockPCRs");
    }
    const auto index = content->find("index")->unsigned_number().value_or(99);
    if (index >= registers.size()) return error_reply("InvalidIndex");
    enfilade::nsm_register& found = registers[index];
    if (kind == "DescribePCR") {
      return reply_of("DescribePCR", {{cbor::text("lock"), boolean(found.locked)},
                                      {cbor::text("data"), digest(found)}});
    }
    if (kind == "LockPCR") {
      if (found.locked) return error_reply("ReadOnlyIndex");
      found.locked = true;
      return cbor::text("LockPCR");
    }
    if (kind != "ExtendPCR") return error_reply("InvalidOperation");
    if (found.locked) return error_reply("ReadOnlyIndex");
    const auto data = content->find("data")->bytes();
    if (!data) return error_reply("InvalidArgument");
    found.value = enfilade::sha384(found.value, *data);
    return reply_of("ExtendPCR", {{cbor::text("data"), digest(found)}});
  }

  bytes attest(cbor_value content) {
    nitro_fields fields;
    fields.set("module_id", cbor::text(module_id));
    fields.set("timestamp",
               cbor::number(static_cast<std::uint64_t>(made_at.time_since_epoch().count())));
    // As the hypervisor does it: what is not locked is not attested.
    std::vector<std::pair<bytes, bytes>> pcrs;
    for (std::size_t i = 0; i != registers.size(); ++i)
      if (registers[i].locked) pcrs.emplace_back(cbor::number(i), digest(registers[i]));
    fields.set("pcrs", cbor::map(pcrs));
    for (const std::string_view key : {"user_data", "nonce", "public_key"}) {
      const auto told = content.find(key);
      if (!told) return error_reply("InvalidArgument");
      const auto value = told->bytes();
      if (value && value->size() > (key == "public_key" ? 1024U : 512U))
        return error_reply("InputTooLarge");
      fields.set(key, value ? cbor::string({value->begin(), value->end()}) : cbor::null());
    }
    return reply_of("Attestation",
                    {{cbor::text("document"), cbor::string(authority_.document(fields))}});
  }

  bytes describe() const {
    std::vector<bytes> locked;
    for (std::size_t i = 0; i != registers.size(); ++i)
      if (registers[i].locked) locked.push_back(cbor::number(i));
    return reply_of("DescribeNSM", {{cbor::text("version_major"), cbor::number(1)},
                                    {cbor::text("version_minor"), cbor::number(2)},
                                    {cbor::text("version_patch"), cbor::number(300)},
                                    {cbor::text("module_id"), cbor::text(module_id)},
                                    {cbor::text("max_pcrs"), cbor::number(registers.size())},
                                    {cbor::text("locked_pcrs"), cbor::array(locked)},
                                    {cbor::text("digest"), cbor::text("SHA384")}});
  }

  fake_kernel& machine_;
  nitro_authority authority_;
  bytes last_request_;
  std::vector<std::string> requests_;
};

}  // namespace test
