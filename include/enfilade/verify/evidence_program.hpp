// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/endorsements.hpp>
#include <enfilade/attest/evidence_bundle.hpp>
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/expectations_file.hpp>
#include <enfilade/attest/x509/known_signatures.hpp>
#include <enfilade/detail/bytes.hpp>
#include <enfilade/error.hpp>
#include <enfilade/run/endorsement_files.hpp>
#include <enfilade/run/program.hpp>
#include <enfilade/verify/evidence_report.hpp>
#include <enfilade/verify/evidence_text.hpp>
#include <enfilade/verify/expectations_from.hpp>
#include <enfilade/verify/judge_evidence.hpp>
#include <enfilade/verify/rfc3339.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

namespace detail {

inline constexpr std::size_t max_evidence_size = evidence_bundle::max_size;

/// The bytes of a file, or of stdin for "-".
inline std::vector<std::byte> read_evidence(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& from = path == "-" ? std::cin : file;
  std::vector<std::byte> bytes(max_evidence_size + 1);
  from.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  // A directory opens, and then gives nothing but an error.
  if (from.bad() || (!from.eof() && from.gcount() == 0))
    throw failure(errc::usage, path + ": cannot be read");
  bytes.resize(static_cast<std::size_t>(from.gcount()));
  if (bytes.size() > max_evidence_size)
    throw failure(errc::attest_malformed, path + ": longer than 64 KiB");
  return bytes;
}

inline void print_text(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) throw failure(errc::internal, "stdout is not writable");
}

/// The options of both commands that say how evidence is judged.
inline std::vector<option> judging_options() {
  return {option{"--tee", "NAME", "whose evidence it is: nitro, snp, tdx or nvidia"},
          option{"--certs", "FILE", "certificates and revocation lists (snp, nvidia)", true},
          option{"--collateral", "FILE", "what Intel says of such platforms (tdx)"},
          option{"--now", "RFC3339", "as of when; default: this machine's clock"},
          option{"--nonce", "HEX", "what it must have been made for"},
          option{"--role", "NAME", "of the expectations file; default: 'stage 0'"},
          option{"--allow-debug", "", "accept a TEE whose host can look inside"}};
}

/// What a command line asks, together with what it names. Throws `failure`.
class asked_evidence {
 public:
  asked_evidence(const options& given, const std::string& file)
      : question(platform_named(given)), files_(load_files(given, question.tee)) {
    question.terms = appraisal{time_named(given), files_, &known_, given.has("--allow-debug")};
    if (const auto text = given.find("--nonce")) {
      question.nonce = from_hex(*text);
      const std::size_t size = question.nonce ? question.nonce->size() : 0;
      if (size == 0) throw failure(errc::usage, "--nonce takes hexadecimal digits, two a byte");
      const std::size_t needed = question.tee == platform::nitro    ? size
                                 : question.tee == platform::nvidia ? 32
                                                                    : 64;
      if (size != needed)
        throw failure(errc::usage,
                      "--nonce takes " + std::to_string(needed) + " bytes for this --tee");
    }
    if (question.tee == platform::nvidia && !question.nonce)
      throw failure(errc::usage, "--nonce is missing: a GPU's report is of no use without it");
    evidence = read_evidence(file);
  }
  asked_evidence(const asked_evidence&) = delete;
  asked_evidence& operator=(const asked_evidence&) = delete;

  evidence_question question;
  std::vector<std::byte> evidence;

 private:
  static platform platform_named(const options& given) {
    const auto tee = platform_of(given.require("--tee"));
    if (!tee) throw failure(errc::usage, "--tee takes nitro, snp, tdx or nvidia");
    return *tee;
  }

  static endorsements load_files(const options& given, platform tee) {
    const bool takes_certificates = tee == platform::snp || tee == platform::nvidia;
    if (given.has("--certs") && !takes_certificates)
      throw failure(errc::usage, "--certs: this evidence brings its certificates");
    if (given.has("--collateral") && tee != platform::tdx)
      throw failure(errc::usage, "--collateral is Intel's, for tdx");
    return load_endorsements(given.all("--certs"), given.find("--collateral"));
  }

  static std::chrono::sys_seconds time_named(const options& given) {
    const auto text = given.find("--now");
    if (!text) return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto when = parse_rfc3339(*text);
    if (!when) throw failure(errc::usage, "--now takes a time such as 2024-09-07T14:37:39Z");
    return *when;
  }

  endorsements files_;
  known_signatures known_;
};

inline std::string role_of(const options& given) {
  return given.find("--role").value_or(stage_role(0));
}

/// One line on stderr and the exit code, for a report that is no acceptance.
[[noreturn]] inline void refuse(const evidence_report& report) {
  const refusal why = refusal_of(report).value();
  std::string where{why.rule};
  if (!report.detail.empty()) where += ": " + report.detail;
  throw failure(why.code, where);
}

inline int evidence_command(const options& given, const std::string& file) {
  std::optional<expectations> expected;
  if (const auto path = given.find("--expect")) {
    const std::string role = role_of(given);
    auto found = expectations_file::load(*path).role(role);
    if (!found) throw failure(found.error(), *path + ": " + role);
    expected = *std::move(found);
  } else if (given.has("--role")) {
    throw failure(errc::usage, "--role needs --expect");
  }
  asked_evidence asked{given, file};
  if (expected) {
    asked.question.expectations_follow = expected->demand_evidence();
    asked.question.terms.allow_debug |=
        expected->terms(asked.question.terms.now, endorsements{}).allow_debug;
  }
  evidence_report report = judge_evidence(asked.evidence, asked.question);
  if (expected) compare(report, *expected);
  print_text(given.has("--json") ? evidence_json(report) : evidence_text(report));
  if (!report.accepted()) refuse(report);
  return 0;
}

inline int expect_command(const options& given) {
  asked_evidence asked{given, given.require("--from")};
  asked.question.expectations_follow = true;  // what is unusual gets into the file, to be reviewed
  const evidence_report report = judge_evidence(asked.evidence, asked.question);
  if (!report.accepted()) {
    const std::string table = verdict_table(report.steps);
    std::fwrite(table.data(), 1, table.size(), stderr);
    refuse(report);
  }
  const proposed_demands proposed = expectations_from(report);
  const std::string role = role_of(given);
  const std::string text = expectations_json({{role, proposed.entry.canonical()}});
  // Read back, so that no file is written that a stage would not start with, or that would refuse
  // what it was made from.
  std::string complaint;
  const auto read = expectations_file::parse(text, &complaint);
  if (!read) throw failure(errc::usage, "--role: " + complaint);
  if (const auto met = read->role(role)->check(*report.says, &complaint); !met)
    throw failure(errc::internal, complaint);
  for (const std::string& remark : proposed.remarks) say("enfilade-verify expect", remark);
  print_text(text);
  return 0;
}

}  // namespace detail

/// The program `enfilade-verify`, whose first word says what it does:
///
/// | command                | does                                                                 |
/// |------------------------|----------------------------------------------------------------------|
/// | `evidence FILE`        | judges evidence and prints the steps, what it says, and the outcome  |
/// | `expect --from FILE`   | judges it, and writes an expectations file after it                  |
///
/// It asks no network, and nothing of the machine but its clock, unless `--now` is given.
inline int run_verify(int argc, const char* const* argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  std::vector<option> known = detail::judging_options();
  if (command == "evidence") {
    known.emplace_back(option{"--expect", "FILE", "compare it with an expectations file"});
    known.emplace_back(option{"--json", "", "print one JSON object instead of tables"});
    // The file is no option: it stands right behind the command, unless there is none.
    const bool named = argc > 2 && !std::string_view{argv[2]}.starts_with("--");
    const int taken = named ? 2 : 1;
    return run_program("enfilade-verify evidence",
                       "Judges the evidence in FILE, which stands before the options; - is stdin.",
                       known, argc - taken, argv + taken, [&](const options& given) {
                         if (!named) throw failure(errc::usage, "FILE is missing");
                         return detail::evidence_command(given, argv[2]);
                       });
  }
  if (command == "expect") {
    known.emplace_back(option{"--from", "FILE", "evidence of the wanted program; - is stdin"});
    return run_program("enfilade-verify expect",
                       "Judges evidence, and writes an expectations file after it, to be reviewed.",
                       known, argc - 1, argv + 1, detail::expect_command);
  }
  return run_program(
      "enfilade-verify",
      "Judges evidence that lies in a file, offline. The first word is a command:\n"
      "  enfilade-verify evidence FILE --tee NAME ...      is it genuine, and whose?\n"
      "  enfilade-verify expect --from FILE --tee NAME ... what to expect of others",
      {}, argc, argv,
      [](const options&) -> int { throw failure(errc::usage, "neither 'evidence' nor 'expect'"); });
}

}  // namespace enfilade
