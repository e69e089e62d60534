// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/appraisal.hpp>
#include <enfilade/attest/claims.hpp>
#include <enfilade/attest/endorsements.hpp>
#include <enfilade/attest/expectations.hpp>
#include <enfilade/attest/expectations_file.hpp>
#include <enfilade/attest/measurement.hpp>
#include <enfilade/attest/x509/known_signatures.hpp>
#include <enfilade/error.hpp>
#include <enfilade/model/utf8_stream.hpp>
#include <enfilade/run/attestation_desk.hpp>
#include <enfilade/run/client.hpp>
#include <enfilade/run/endorsement_files.hpp>
#include <enfilade/run/judge_rooms.hpp>
#include <enfilade/run/link_limits.hpp>
#include <enfilade/run/options.hpp>
#include <enfilade/run/program.hpp>
#include <enfilade/run/report.hpp>
#include <enfilade/run/retry.hpp>
#include <enfilade/run/save_evidence.hpp>
#include <enfilade/run/shown_evidence.hpp>
#include <enfilade/wire/room_evidence.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

namespace detail {

/// What a client program was asked to do.
class client_job {
 public:
  explicit client_job(const options& given)
      : address(given.require("--connect")),
        asks(wants_answer(given)),
        prompt(asks ? prompt_of(given) : std::string{}),
        most(given.number("--max-tokens", 32, 1, 1'000'000)),
        wait(given.number("--wait", 0, 0, 3600)),
        since(given.number("--since", 0, 0, std::numeric_limits<std::int64_t>::max())),
        json_file(given.find("--json")),
        evidence_folder(given.find("--evidence")),
        attests(given.has("--attest")) {
    const std::string path = given.require("--expect");
    expected = expectations_file::load(path);
    const result<expectations> found = expected.role(stage_role(0));
    if (!found) throw failure(found.error(), path + ": " + stage_role(0));
    of_stage_0 = *found;
  }

  /// Whether anything is demanded of a stage behind stage 0, of `stages` in all.
  bool demands_rooms(std::size_t stages) const {
    for (std::size_t i = 1; i < stages; ++i)
      if (const auto found = expected.role(stage_role(i)); found && found->demand_evidence())
        return true;
    return false;
  }

  // Who keeps the evidence may leave it at that.
  static bool wants_answer(const options& given) {
    return given.has("--prompt") || given.has("--prompt-file") || !given.has("--evidence");
  }

  // The command line is open to every user of the machine; a file, or stdin, is not.
  static std::string prompt_of(const options& given) {
    const std::optional<std::string> path = given.find("--prompt-file");
    if (!path) return given.require("--prompt");
    if (given.has("--prompt")) throw failure(errc::usage, "--prompt and --prompt-file");
    std::ifstream file{*path == "-" ? "/dev/stdin" : *path, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    if (!file) throw failure(errc::usage, "--prompt-file " + *path + " cannot be read");
    return text;
  }

  std::string address;
  bool asks;  // or else wants the evidence and nothing more
  std::string prompt;
  std::size_t most;
  std::chrono::seconds wait;
  std::chrono::milliseconds since;  // Unix time when the stages were started; 0: not said
  std::optional<std::string> json_file;
  std::optional<std::string> evidence_folder;
  bool attests;  // shows evidence of its own
  expectations_file expected;
  expectations of_stage_0;
};

inline double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

inline void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

/// Prints what a model or a user wrote: on a terminal without the control characters that could
/// move its cursor or do worse; elsewhere as it is.
inline void print_foreign(std::string text) {
  static const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  const auto unsafe = [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t') || c == '\x7f';
  };
  if (terminal) std::ranges::replace_if(text, unsafe, '?');
  print(text);
}

/// Begins a line on stdout and ends it whatever comes, so that an error has a line of its own.
class line_on_stdout {
 public:
  explicit line_on_stdout(std::string_view beginning) { print_foreign(std::string{beginning}); }
  line_on_stdout(const line_on_stdout&) = delete;
  line_on_stdout& operator=(const line_on_stdout&) = delete;
  ~line_on_stdout() { print("\n"); }
};

/// A goodbye to a peer from whom nothing more is wanted: whoever has the answer, or its error, can
/// do without one.
template <class Deployment, transport Via>
asio::awaitable<void> leave(Client<Deployment, Via>& model) {
  try {
    co_await model.close();
  } catch (const failure&) {
  }
}

/// What a client program brings to its handshakes.
template <class Deployment>
class client_papers {
 public:
  using attester_type = typename Deployment::attester;

  explicit client_papers(const client_job& job, const options& given)
      : files(endorsements_from<attester_type>(given)),
        desk(std::make_shared<attestation_desk<attester_type>>(files)) {
    if (!job.attests) return;
    own = std::make_shared<const attester_type>(
        registers{{"plan", Measurement{Deployment::plan_digest()}}});
    if (const result<void> prepared = desk->prepare(own); !prepared)
      throw failure(prepared.error(), "own evidence");
  }

  endorsements files;
  std::shared_ptr<attestation_desk<attester_type>> desk;
  std::shared_ptr<const attester_type> own;  // null: a client without a TEE
};

/// Keeps the evidence of all rooms, where the job says so.
inline void keep_evidence(const client_job& job, const std::optional<shown_evidence>& of_stage_0,
                          const std::vector<room_evidence>& behind) {
  if (!job.evidence_folder) return;
  if (of_stage_0)
    save_evidence(*job.evidence_folder, 0, of_stage_0->bytes, of_stage_0->report_data);
  for (const room_evidence& room : behind)
    save_evidence(*job.evidence_folder, room.stage, room.evidence, room.report_data);
}

/// Makes every room prove itself of which the file says anything, stage 0 having done so when it
/// was dialled. Nothing of the prompt was sent yet.
template <class Deployment, transport Via>
asio::awaitable<void> check_all_rooms(Client<Deployment, Via>& model, const client_job& job,
                                      const client_papers<Deployment>& papers,
                                      std::vector<judged_room>& rooms) {
  rooms.clear();
  if (model.peer()) rooms.emplace_back(0, *model.peer());
  std::vector<room_evidence> shown;
  const bool demanded = job.demands_rooms(Deployment::stage_count);
  if (demanded || (job.evidence_folder && Deployment::stage_count > 1))
    shown = co_await model.rooms();
  keep_evidence(job, model.shown(), shown);
  if (!demanded) co_return;
  known_signatures authorities;  // those of one room are mostly those of the next
  const appraisal terms{time_of_day(), papers.files, &authorities, false};
  std::vector<judged_room> behind = judge_rooms<Deployment>(shown, job.expected, terms);
  rooms.insert(rooms.end(), std::make_move_iterator(behind.begin()),
               std::make_move_iterator(behind.end()));
}

/// Dials stage 0 and checks all rooms.
template <class Deployment, transport Via>
asio::awaitable<Client<Deployment, Via>> dial_checked(const client_job& job,
                                                      const client_papers<Deployment>& papers,
                                                      std::vector<judged_room>& rooms) {
  const link_limits limits;
  auto model = co_await Client<Deployment, Via>::dial(job.address, job.of_stage_0, papers.own,
                                                      limits, papers.desk);
  std::exception_ptr refused;
  try {
    co_await check_all_rooms(model, job, papers, rooms);
  } catch (const failure&) {
    refused = std::current_exception();
  }
  if (refused) {
    co_await leave(model);
    std::rethrow_exception(refused);
  }
  co_return model;
}

/// `dial_checked`; where a stage is not up yet, or still reads its weights, again until `job.wait`
/// is over. A refusal is final.
template <class Deployment, transport Via>
asio::awaitable<Client<Deployment, Via>> dial_patiently(const client_job& job,
                                                        const client_papers<Deployment>& papers,
                                                        std::vector<judged_room>& rooms) {
  const auto give_up = std::chrono::steady_clock::now() + job.wait;
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer pause{executor};
  while (true) {
    try {
      co_return co_await dial_checked<Deployment, Via>(job, papers, rooms);
    } catch (const failure& f) {
      if (!is_temporary(f.code()) || std::chrono::steady_clock::now() >= give_up) throw;
    }
    pause.expires_after(std::chrono::milliseconds{20});
    co_await pause.async_wait(asio::use_awaitable);
  }
}

/// Asks, streams the answer to stdout, and measures.
template <class Deployment, transport Via>
asio::awaitable<void> ask_and_print(Client<Deployment, Via>& model, const client_job& job,
                                    report& measured) {
  using clock = std::chrono::steady_clock;
  const line_on_stdout line{job.prompt};
  utf8_stream characters;
  auto before = clock::now();
  request question{job.prompt, job.most};
  co_await model.ask(std::move(question));
  while (auto token = co_await model.next()) {
    const double total = milliseconds_since(before);
    before = clock::now();
    if (measured.tokens.empty()) measured.first_token_ms = total;
    measured.tokens.emplace_back(token->id, total, static_cast<double>(token->busy_ns) * 1e-6);
    const std::string whole = characters.push(token->text);
    measured.text += whole;
    print_foreign(whole);
  }
  const std::string rest = characters.finish();
  measured.text += rest;
  measured.finished = model.finished() == done_reason::length ? "length" : "end_of_text";
  print_foreign(rest);
}

/// The whole conversation with stage 0, which is told when it is over, however it went.
template <class Deployment, transport Via>
asio::awaitable<void> converse(const client_job& job, const client_papers<Deployment>& papers,
                               report& measured) {
  const auto begun = std::chrono::steady_clock::now();
  auto model = co_await dial_patiently<Deployment, Via>(job, papers, measured.rooms);
  measured.init_ms = milliseconds_since(begun);
  if (job.since.count() != 0) {
    const auto started = std::chrono::system_clock::time_point{job.since};
    measured.init_ms =
        std::chrono::duration<double, std::milli>(std::chrono::system_clock::now() - started)
            .count();
  }
  std::exception_ptr failed;
  try {
    if (job.asks) co_await ask_and_print(model, job, measured);
  } catch (const failure&) {
    failed = std::current_exception();
  }
  co_await leave(model);
  if (failed) std::rethrow_exception(failed);
}

template <class Deployment, transport Via>
int client_program(const options& given) {
  const client_job job{given};
  const client_papers<Deployment> papers{job, given};
  report measured;
  asio::io_context io{1};
  bool interrupted = false;
  asio::signal_set stop{io, SIGINT, SIGTERM};
  stop.async_wait([&](const error_code& error, int) {
    if (error) return;
    interrupted = true;
    io.stop();
  });
  auto asking = converse<Deployment, Via>(job, papers, measured);
  asio::co_spawn(io, std::move(asking), [&](std::exception_ptr error) {
    stop.cancel();
    if (error) std::rethrow_exception(error);
  });
  io.run();
  if (interrupted) throw failure(errc::request_cancelled, "interrupted");

  if (job.asks) print("\n" + measured.table());
  if (job.json_file) {
    std::ofstream file{*job.json_file};
    using model = typename Deployment::model;
    file << measured.json(model::name, Deployment::stage_count, Deployment::plan()).dump(2) << '\n';
    if (!file.flush())
      throw failure(errc::usage, "--json " + *job.json_file + " cannot be written");
  }
  return 0;
}

}  // namespace detail

/// The `main` of a command-line client: connects to stage 0, makes it and every other room prove
/// itself, asks, prints the answer as it comes and a table of times at its end. `--help` lists the
/// options.
template <class Deployment, transport Via = typename Deployment::door>
int run_client(int argc, const char* const* argv) {
  const std::string purpose =
      "Asks the deployment\n" + std::string{Deployment::plan()} +
      "Stage 0, and each further stage that the file of --expect names, proves itself to\n"
      "this client before the prompt is sent. A further stage that it does not name is held\n"
      "only by what the stage above it demands: the register 'next' of that one.";
  std::vector<option> known{
      option{"--connect", "ADDR", "where stage 0 listens"},
      option{"--prompt", "TEXT", "what to continue, UTF-8; other users can read a command line"},
      option{"--prompt-file", "FILE", "the same from a file, or from stdin where it is '-'"},
      option{"--expect", "FILE", "what the stages must prove: docs/guide/attest.md"},
      option{"--max-tokens", "N", "tokens to generate at most (default 32)"},
      option{"--wait", "SECONDS", "how long to wait for stage 0 to be up (default 0)"},
      option{"--since", "MILLISECONDS", "Unix time from which init time counts (default: now)"},
      option{"--json", "FILE", "write times, tokens and plan"},
      option{"--evidence", "FOLDER",
             "keep what every stage has shown; without a prompt, that is all"},
      option{"--attest", "", "show evidence of this client, which then needs a TEE"}};
  const auto files = endorsement_options<typename Deployment::attester>();
  known.insert(known.end(), files.begin(), files.end());
  return run_program("client", purpose, std::move(known), argc, argv, [](const options& given) {
    return detail::client_program<Deployment, Via>(given);
  });
}

}  // namespace enfilade
