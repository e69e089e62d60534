// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <enfilade/attest/claims.hpp>
#include <enfilade/run/judge_rooms.hpp>
#include <enfilade/run/statistics.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace enfilade {

/// What a client measured of one answer, as a table for people and as JSON for programs.
///
/// A token's time is the interval between its arrival at the client and the arrival of the one
/// before. `busy` is the part of it in which some stage computed, as the stages themselves measured;
/// the rest is what the links cost: sealing, the kernel, relays, scheduling.
class report {
 public:
  struct token {
    token(std::uint32_t i, double ms, double busy) : id(i), total_ms(ms), busy_ms(busy) {}
    std::uint32_t id;
    double total_ms;
    double busy_ms;
  };

  double init_ms = 0;  ///< from the start of the client until all rooms have proved themselves
  double first_token_ms = 0;       ///< from asking to the first token
  std::string text;                ///< the answer
  std::string finished;            ///< "length" or "end_of_text"
  std::vector<token> tokens;       ///< the first one's time is `first_token_ms`
  std::vector<judged_room> rooms;  ///< those whose evidence was judged, stage 0 first

  std::string table() const {
    const statistics times = generated();
    std::string lines;
    lines += row("init time", init_ms, "ms");
    lines += row("time to first token", first_token_ms, "ms");
    lines += row("ms/token average", times.average(), "ms");
    lines += row("ms/token p50", times.percentile(50), "ms");
    lines += row("ms/token p95", times.percentile(95), "ms");
    lines += row("ms/token p99", times.percentile(99), "ms");
    lines += row("tokens/s", tokens_per_second(), "");
    lines += row("share of a token in links", 100 * link_share(), "%");
    lines += row("rooms verified", rooms_in_words());
    lines += "  (" + std::to_string(tokens.size()) + " tokens, of which " +
             std::to_string(times.count()) + " are in the ms/token figures)\n";
    return lines;
  }

  /// The same, every token, and what ran where. `plan` is the deployment's.
  nlohmann::json json(std::string_view model, std::size_t stages, std::string_view plan) const {
    const statistics times = generated();
    nlohmann::json document;
    document["enfilade"] = "client-report/1";
    document["model"] = model;
    document["stages"] = stages;
    document["plan"] = plan;
    document["compiler"] = compiler();
    document["cpu"] = cpu();
    document["rooms"] = nlohmann::json::array();
    for (const judged_room& room : rooms) document["rooms"].push_back(described(room));
    document["init_ms"] = init_ms;
    document["first_token_ms"] = first_token_ms;
    document["ms_per_token"] = {{"average", times.average()},
                                {"p50", times.percentile(50)},
                                {"p95", times.percentile(95)},
                                {"p99", times.percentile(99)},
                                {"count", times.count()}};
    document["tokens_per_second"] = tokens_per_second();
    document["link_share"] = link_share();
    document["text"] = text;
    document["finished"] = finished;
    document["tokens"] = nlohmann::json::array();
    for (const token& t : tokens)
      document["tokens"].push_back({{"id", t.id}, {"ms", t.total_ms}, {"busy_ms", t.busy_ms}});
    return document;
  }

 private:
  // The first token's time is that of the whole prompt, so it is not among the generated ones.
  statistics generated() const {
    std::vector<double> times;
    for (std::size_t i = 1; i < tokens.size(); ++i) times.push_back(tokens[i].total_ms);
    return statistics{std::move(times)};
  }

  double tokens_per_second() const {
    const double average = generated().average();
    return average > 0 ? 1000 / average : 0;
  }

  double link_share() const {
    double total = 0;
    double busy = 0;
    for (std::size_t i = 1; i < tokens.size(); ++i) {
      total += tokens[i].total_ms;
      busy += tokens[i].busy_ms;
    }
    // With one stage only the client's own link is left, which is below what arrival times resolve.
    return total > 0 ? std::max((total - busy) / total, 0.0) : 0;
  }

  std::string rooms_in_words() const {
    std::string words;
    for (const judged_room& room : rooms)
      words += (words.empty() ? "stage " : ", ") + std::to_string(room.stage);
    return words.empty() ? "none" : words;
  }

  // Times are Unix seconds. What is measured is public.
  static nlohmann::json described(const judged_room& room) {
    nlohmann::json out;
    out["stage"] = room.stage;
    out["attester"] = room.found.attester;
    out["registers"] = nlohmann::json::object();
    for (const auto& [name, value] : room.found.values) out["registers"][name] = value.hex();
    out["judged_at"] = room.found.judged_at.time_since_epoch().count();
    if (room.found.made_at) out["made_at"] = room.found.made_at->time_since_epoch().count();
    return out;
  }

  static std::string row(std::string_view name, const std::string& text) {
    std::string line{"  "};
    line += name;
    line.resize(2 + 26 + 1, ' ');
    return line + text + "\n";
  }

  static std::string row(std::string_view name, double value, std::string_view unit) {
    char line[80];
    std::snprintf(line, sizeof line, "  %-26.*s %10.3f %.*s\n", static_cast<int>(name.size()),
                  name.data(), value, static_cast<int>(unit.size()), unit.data());
    return line;
  }

  static std::string cpu() {
    std::ifstream file{"/proc/cpuinfo"};
    for (std::string line; std::getline(file, line);)
      if (line.starts_with("model name") && line.find(": ") != std::string::npos)
        return line.substr(line.find(": ") + 2);
    return "unknown";
  }

  static std::string compiler() {
#ifdef __clang__
    return __VERSION__;  // says "Clang" itself
#else
    return "GCC " __VERSION__;
#endif
  }
};

}  // namespace enfilade
