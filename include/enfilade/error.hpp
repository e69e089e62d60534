// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace enfilade {

/// Everything that can go wrong at run time, one value per cause.
///
/// The hundreds digit is the group that the name begins with. Values are stable: they travel in
/// `failure` messages between stages (docs/design/wire_format.md) and never change their meaning.
/// Cause and remedy of each: docs/errors.md, one anchor per name.
enum class errc {
  // transport: bytes did not travel
  transport_closed = 101,           ///< The peer closed the connection without saying goodbye.
  transport_unreachable = 102,      ///< Nobody listens at the address, or the way there is cut.
  transport_timeout = 103,          ///< The peer did not answer in time.
  transport_address_invalid = 104,  ///< The text is not an address of this transport.
  transport_address_in_use = 105,   ///< Another process listens at the address.
  transport_unsupported = 106,      ///< The kernel has no such transport.
  transport_denied = 107,           ///< The kernel does not let this process use the address.

  // frame: bytes travelled, but are not a record of efl/1 in its place
  frame_too_large = 201,     ///< A length field is above the limit of this state.
  frame_malformed = 202,     ///< A field has a value that the format does not know.
  frame_bad_version = 203,   ///< The peer speaks another version of the link protocol.
  frame_replay = 204,        ///< A record came a second time.
  frame_out_of_order = 205,  ///< A record is missing or overtook another.
  frame_truncated = 206,     ///< The stream ended without an authenticated close.
  frame_unexpected = 207,    ///< A well-formed record that this state does not allow.

  // crypto: the mathematics said no
  crypto_auth_failed = 301,      ///< A record is not authentic: forged, damaged, or another key.
  crypto_key_exhausted = 302,    ///< The key has sealed as much as it safely may.
  crypto_low_order_point = 303,  ///< The peer's public key yields an all-zero shared secret.
  crypto_random_failed = 304,    ///< The kernel gave no random bytes.

  // plan: the two ends were not built from the same deployment
  plan_mismatch = 401,        ///< The peer was built from another deployment.
  plan_link_mismatch = 402,   ///< The peer takes this connection for another link of the pipeline.
  plan_role_mismatch = 403,   ///< Both ends believe to be the same end.
  plan_suite_mismatch = 404,  ///< The peer seals with another cipher.

  // attest: the peer could not show what it is
  attest_missing = 501,               ///< Evidence was demanded and none was sent.
  attest_malformed = 502,             ///< The evidence cannot be parsed.
  attest_bad_signature = 503,         ///< The evidence is not signed by whom it names.
  attest_binding_mismatch = 504,      ///< Genuine evidence, but made for another session.
  attest_measurement_mismatch = 505,  ///< Genuine and fresh evidence of the wrong program.
  attest_unsupported_format = 506,    ///< Evidence of a kind that this build cannot verify.
  attest_expectations_empty = 507,    ///< No pin at all: that would accept anybody.
  attest_expectations_invalid = 508,  ///< The expectations file cannot be used.
  attest_device_unavailable = 509,    ///< The machine cannot make evidence.
  attest_chain_invalid = 510,         ///< The certificates do not lead to the pinned root.
  attest_expired = 511,               ///< A certificate or a list of revocations is too old.
  attest_not_yet_valid = 512,         ///< A certificate or a list begins in the future.
  attest_revoked = 513,               ///< Its maker has withdrawn a certificate of the chain.
  attest_tcb_out_of_date = 514,       ///< Firmware or microcode of the machine is too old.
  attest_guest_policy = 515,          ///< The TEE lets its host do what is not allowed.
  attest_device_throttled = 516,      ///< The machine makes no more evidence for now.
  attest_device_failed = 517,         ///< The TEE's device answered nonsense, or too late.
  attest_registers_taken = 518,       ///< Somebody else has written the measurement registers.
  attest_endorsement_missing = 519,   ///< A certificate, list or collateral was not given.
  attest_debug_enabled = 520,         ///< The TEE was started so that its host can look inside.
  attest_stale = 521,                 ///< Genuine evidence, but older than asked for.

  // model: the files are not what the program was compiled for
  model_file_missing = 601,       ///< A file of the model directory cannot be opened.
  model_header_invalid = 602,     ///< The safetensors header is damaged or hostile.
  model_dtype = 603,              ///< A tensor has an element type that is not supported.
  model_tensor_missing = 604,     ///< A tensor that this stage needs is not in the file.
  model_shape_mismatch = 605,     ///< A tensor has another shape than the compiled model.
  model_config_mismatch = 606,    ///< config.json describes another model than the compiled one.
  model_config_invalid = 607,     ///< config.json cannot be used.
  model_tokenizer_invalid = 608,  ///< The tokenizer files are missing or damaged.

  // request: the client asked for something impossible
  request_invalid = 701,    ///< A request has fields out of range.
  request_empty = 702,      ///< The prompt has no token.
  request_too_long = 703,   ///< Prompt and answer do not fit into the model's context.
  request_not_text = 704,   ///< The prompt is not valid UTF-8.
  request_cancelled = 705,  ///< The client ended the request.

  // stage: a neighbour in the pipeline
  stage_lost = 801,        ///< A stage went away in the middle of its work.
  stage_overloaded = 802,  ///< Every slot is taken.
  stage_stopping = 803,    ///< The stage is shutting down.

  // program: the command line
  usage = 901,     ///< The command line is wrong.
  internal = 902,  ///< A defect of Enfilade.

  // process: what the machine gives this program
  process_out_of_memory = 903,  ///< There was no memory for the next step.
};

/// What the programs say of an error besides its cause: the remedy and the exit code.
struct error_facts {
  errc value;
  std::string_view name;     ///< `group.cause`, stable, for logs and metrics
  std::string_view message;  ///< what happened
  std::string_view remedy;   ///< what to do, an imperative
  int exit_code;             ///< docs/errors.md: 10 refused, 20 unsupported, 30 malformed, ...
};

namespace detail {

inline constexpr std::array error_table{
    error_facts{errc::transport_closed, "transport.closed", "the peer closed the connection",
                "See the peer's own last line for its reason.", 69},
    error_facts{errc::transport_unreachable, "transport.unreachable",
                "nobody answers at the address", "Start the peer first, or correct the address.",
                69},
    error_facts{errc::transport_timeout, "transport.timeout", "the peer did not answer in time",
                "Check that the peer runs and is not overloaded, then try again.", 75},
    error_facts{errc::transport_address_invalid, "transport.address_invalid",
                "not an address of this transport",
                "Write tcp:HOST:PORT, unix:/PATH or vsock:CID:PORT as the deployment's type asks.",
                64},
    error_facts{errc::transport_address_in_use, "transport.address_in_use",
                "another process listens at the address", "Stop it, or choose another address.",
                75},
    error_facts{errc::transport_unsupported, "transport.unsupported",
                "this kernel has no such transport",
                "Load the kernel module, or compile the pipeline for another transport.", 20},
    error_facts{errc::transport_denied, "transport.denied", "this process may not use the address",
                "Give it the right to, or choose another address.", 64},
    error_facts{errc::frame_too_large, "frame.too_large", "a record is longer than allowed here",
                "Check that both ends are Enfilade of the same version.", 30},
    error_facts{errc::frame_malformed, "frame.malformed", "the bytes are not a record of efl/1",
                "Check that the address belongs to an Enfilade stage.", 30},
    error_facts{errc::frame_bad_version, "frame.bad_version",
                "the peer speaks another version of the link protocol",
                "Build both ends from the same Enfilade.", 30},
    error_facts{errc::frame_replay, "frame.replay", "a record came a second time",
                "Somebody on the way replays traffic; distrust the host between the stages.", 30},
    error_facts{errc::frame_out_of_order, "frame.out_of_order",
                "a record is missing or overtook another",
                "Somebody on the way drops or reorders traffic; distrust the host.", 30},
    error_facts{errc::frame_truncated, "frame.truncated",
                "the stream ended without an authenticated close",
                "The peer died or the host cut the link; see the peer's own last line.", 69},
    error_facts{errc::frame_unexpected, "frame.unexpected",
                "a well-formed record that has no place here",
                "Build both ends from the same Enfilade.", 30},
    error_facts{errc::crypto_auth_failed, "crypto.auth_failed", "a record is not authentic",
                "Somebody on the way alters traffic; distrust the host between the stages.", 30},
    error_facts{errc::crypto_key_exhausted, "crypto.key_exhausted",
                "the session has sealed as much as it safely may", "Connect anew.", 75},
    error_facts{errc::crypto_low_order_point, "crypto.low_order_point",
                "the peer's public key yields an all-zero secret",
                "The peer is hostile or broken; do not talk to it.", 30},
    error_facts{errc::crypto_random_failed, "crypto.random_failed",
                "the kernel gave no random bytes", "Repair the machine's random source.", 1},
    error_facts{errc::plan_mismatch, "plan.mismatch", "the peer was built from another deployment",
                "Build both ends from the same topology, model and policies.", 10},
    error_facts{errc::plan_link_mismatch, "plan.link_mismatch",
                "the peer takes this connection for another link of the pipeline",
                "Correct --next or --connect: the address belongs to another stage.", 10},
    error_facts{errc::plan_role_mismatch, "plan.role_mismatch",
                "both ends believe to be the same end of the link",
                "Correct the address: two dialling ends, or a link reflected to its sender.", 10},
    error_facts{errc::plan_suite_mismatch, "plan.suite_mismatch",
                "the peer seals with another cipher", "Build both ends with the same cipher.", 10},
    error_facts{errc::attest_missing, "attest.missing", "evidence was demanded and none was sent",
                "Give the peer an attester, or expect 'anyone' of this role.", 10},
    error_facts{errc::attest_malformed, "attest.malformed", "the evidence cannot be parsed",
                "Check that both ends are Enfilade of the same version.", 30},
    error_facts{errc::attest_bad_signature, "attest.bad_signature",
                "the evidence is not signed by whom it names",
                "The peer is not what it claims; do not talk to it.", 10},
    error_facts{errc::attest_binding_mismatch, "attest.binding_mismatch",
                "genuine evidence, but made for another session",
                "Somebody relays evidence between sessions; distrust the host.", 10},
    error_facts{errc::attest_measurement_mismatch, "attest.measurement_mismatch",
                "the peer is not the program that was expected",
                "Rebuild the peer from the expected sources, or review and update the "
                "expectations file.",
                10},
    error_facts{errc::attest_unsupported_format, "attest.unsupported_format",
                "evidence of a kind that this build cannot verify",
                "Build both ends with the same attester.", 20},
    error_facts{errc::attest_expectations_empty, "attest.expectations_empty",
                "no expectation at all would accept anybody",
                "Pin at least one register of the role, or write \"anyone\" on purpose.", 10},
    error_facts{errc::attest_expectations_invalid, "attest.expectations_invalid",
                "the expectations file cannot be used",
                "Write it anew: docs/guide/attest.md shows the form.", 30},
    error_facts{errc::attest_device_unavailable, "attest.device_unavailable",
                "this machine cannot make the evidence asked for",
                "Run inside the TEE that the deployment names.", 20},
    error_facts{
        errc::attest_chain_invalid, "attest.chain_invalid",
        "the certificates do not lead to the pinned root",
        "The peer is not what it claims, or sent the wrong certificates; do not talk to it.", 10},
    error_facts{errc::attest_expired, "attest.expired",
                "a certificate or a list of revocations is no longer valid",
                "Fetch it anew, and check the clock of this machine.", 10},
    error_facts{errc::attest_not_yet_valid, "attest.not_yet_valid",
                "a certificate or a list of revocations is not valid yet",
                "Check the clocks of both machines.", 10},
    error_facts{errc::attest_revoked, "attest.revoked", "a certificate of the evidence was revoked",
                "Bring the peer's machine up to date; until then do not talk to it.", 10},
    error_facts{errc::attest_tcb_out_of_date, "attest.tcb_out_of_date",
                "the firmware or microcode of the peer's machine is too old",
                "Bring the peer's machine up to date, or accept its level on purpose.", 10},
    error_facts{errc::attest_guest_policy, "attest.guest_policy",
                "the peer's TEE lets its host do what is not allowed",
                "Start the peer under a stricter policy, or allow it on purpose.", 10},
    error_facts{errc::attest_device_throttled, "attest.device_throttled",
                "the machine makes no more evidence for now", "Wait and try again.", 75},
    error_facts{errc::attest_device_failed, "attest.device_failed",
                "the device that makes evidence gave no usable answer",
                "Check the kernel's log for its driver, then restart the machine.", 20},
    error_facts{errc::attest_registers_taken, "attest.registers_taken",
                "the measurement registers hold what this program did not write",
                "Restart the enclave, and let nothing else in it write them.", 20},
    error_facts{errc::attest_endorsement_missing, "attest.endorsement_missing",
                "a certificate, a list of revocations or collateral was not given",
                "Fetch it from the maker of the platform and name the file: docs/guide/attest.md.",
                10},
    error_facts{errc::attest_debug_enabled, "attest.debug_enabled",
                "the TEE runs in debug mode, where its host can look inside",
                "Start the peer without debug mode, or allow it for a test.", 10},
    error_facts{errc::attest_stale, "attest.stale", "the evidence is older than allowed",
                "Have the peer make new evidence, or allow it to be older.", 10},
    error_facts{errc::model_file_missing, "model.file_missing",
                "a file of the model directory cannot be opened",
                "Name a directory in Hugging Face layout with --model.", 30},
    error_facts{errc::model_header_invalid, "model.header_invalid",
                "the safetensors header is damaged", "Fetch the file anew.", 30},
    error_facts{errc::model_dtype, "model.dtype", "a tensor has an unsupported element type",
                "Convert the weights to F32.", 30},
    error_facts{errc::model_tensor_missing, "model.tensor_missing",
                "a tensor that this stage needs is not in the file",
                "Use the weights of the compiled model.", 30},
    error_facts{errc::model_shape_mismatch, "model.shape_mismatch",
                "a tensor has another shape than the compiled model",
                "Use the weights of the compiled model, or compile for these weights.", 30},
    error_facts{errc::model_config_mismatch, "model.config_mismatch",
                "config.json describes another model than the compiled one",
                "Use the matching directory, or compile for this model.", 30},
    error_facts{errc::model_config_invalid, "model.config_invalid", "config.json cannot be used",
                "Fetch the file anew.", 30},
    error_facts{errc::model_tokenizer_invalid, "model.tokenizer_invalid",
                "the tokenizer files cannot be used",
                "Put tokenizer.json, or vocab.json and merges.txt, into the model directory.", 30},
    error_facts{errc::request_invalid, "request.invalid", "the request is out of range",
                "Correct the request.", 64},
    error_facts{errc::request_empty, "request.empty", "the prompt has no token",
                "Give a prompt of at least one character.", 64},
    error_facts{errc::request_too_long, "request.too_long",
                "prompt and answer do not fit into the model's context",
                "Shorten the prompt or lower --max-tokens.", 64},
    error_facts{errc::request_not_text, "request.not_text", "the prompt is not valid UTF-8",
                "Pass the prompt as UTF-8 text.", 64},
    error_facts{errc::request_cancelled, "request.cancelled", "the request was ended by its client",
                "Ask again.", 75},
    error_facts{errc::stage_lost, "stage.lost", "a stage went away in the middle of its work",
                "Restart that stage, then ask again; see its own last line for the reason.", 69},
    error_facts{errc::stage_overloaded, "stage.overloaded", "every slot of the stage is taken",
                "Wait and ask again, or start the stages with more --slots.", 75},
    error_facts{errc::stage_stopping, "stage.stopping", "the stage is shutting down",
                "Ask again when it is back.", 75},
    error_facts{errc::process_out_of_memory, "process.out_of_memory",
                "there is no memory for the next step",
                "Give the process more memory, or start it with fewer --slots.", 75},
    error_facts{errc::usage, "usage", "the command line is wrong", "See --help.", 64},
    error_facts{errc::internal, "internal", "a defect of Enfilade",
                "Report it with the line above; see SECURITY.md if it may be exploitable.", 1},
};

class error_category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "enfilade"; }
  std::string message(int value) const override {
    for (const error_facts& facts : error_table)
      if (static_cast<int>(facts.value) == value) return std::string{facts.message};
    return "unknown error";
  }
};

inline const error_category the_error_category;

}  // namespace detail

/// Name, message, remedy and exit code of an error; those of `internal` for an unknown value.
constexpr const error_facts& facts_of_error(errc e) noexcept {
  for (const error_facts& facts : detail::error_table)
    if (facts.value == e) return facts;
  return detail::error_table.back();
}

/// The category of `errc`.
inline const boost::system::error_category& error_category() noexcept {
  return detail::the_error_category;
}

/// Makes `errc` convertible to `boost::system::error_code`; found by argument-dependent lookup.
inline boost::system::error_code make_error_code(errc e) noexcept {
  return {static_cast<int>(e), error_category()};
}

using boost::system::error_code;

/// What the layers below the coroutines return: a value or an error code.
template <class T>
using result = boost::system::result<T>;

/// An error with the place where it happened: what the programs print and the coroutines throw.
///
/// `where` names the role, address, file or tensor; it never holds a prompt, an activation, a key
/// or bytes that a peer chose.
class failure : public boost::system::system_error {
 public:
  failure(errc e, std::string where) : failure(make_error_code(e), std::move(where)) {}
  failure(error_code e, std::string where)
      : boost::system::system_error(e), where_(std::move(where)) {}

  const std::string& where() const noexcept { return where_; }

 private:
  std::string where_;
};

}  // namespace enfilade

template <>
struct boost::system::is_error_code_enum<enfilade::errc> : std::true_type {};
