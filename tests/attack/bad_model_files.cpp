// SPDX-License-Identifier: Apache-2.0
//
// Damaged and hostile model directories, by grammar: a valid document of each kind is made, then one
// thing of it is made wrong in a way that can't come out right by chance. Each is refused by its
// name, and soon.
#include <enfilade/model/config.hpp>
#include <enfilade/model/gpt2.hpp>
#include <enfilade/model/safetensors.hpp>
#include <enfilade/model/tokenizer.hpp>

#include "support/campaign.hpp"
#include "support/small_tokenizer.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace enfilade;
using random_source = std::mt19937_64;

std::size_t below(random_source& random, std::size_t end) { return random() % end; }

template <class T>
const T& one_of(random_source& random, const std::vector<T>& all) {
  return all[below(random, all.size())];
}

/// A kind of file: how a valid one is made, what can be wrong with it, how it is read, and the
/// errors that it may be refused with.
struct kind_of_file {
  using wrong = std::pair<std::string, std::function<std::string(random_source&)>>;

  std::string name;
  std::function<std::string(random_source&)> valid;
  std::function<void(const std::string&)> read;
  std::vector<errc> errors;
  std::vector<wrong> wrongs;
};

// --- what can be wrong with any JSON text -------------------------------------------------------

/// Values that are no number of anything: in JSON, or where a size or an id is meant.
const std::vector<std::string> no_numbers{"-1",       "-0.5",
                                          "1.5",      "1e3",
                                          "NaN",      "Infinity",
                                          "1e999",    "18446744073709551616",
                                          "null",     "true",
                                          "\"1\"",    "[]",
                                          "{}",       "[1]",
                                          "0x10",     "01",
                                          "+1",       "1e",
                                          ".5",       "1_000",
                                          "--1",      "\"\\ud800\"",
                                          "",         "'1'",
                                          "1//",      "/**/1",
                                          "\"\x01\"", "\"\xff\"",
                                          "tru",      "9223372036854775808.0"};

std::string cut_anywhere(std::string text, random_source& random) {
  text.resize(below(random, text.size()));
  return text;
}

/// Without one of the characters that hold the document together: what was two is one, or nothing.
std::string without_structure(std::string text, random_source& random) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i != text.size(); ++i)
    if (std::string_view{"{}[]:\""}.find(text[i]) != std::string_view::npos &&
        (i == 0 || text[i - 1] != '\\'))
      places.push_back(i);
  text.erase(one_of(random, places), 1);
  return text;
}

std::string with_tail(std::string text, random_source& random) {
  static const std::vector<std::string> tails{"}", "{}", ",", "null", "//", "\x01", "\xef\xbb\xbf"};
  return text + one_of(random, tails);
}

std::string with_head(const std::string& text, random_source& random) {
  static const std::vector<std::string> heads{"[", "{", ",", "null ", "//\n", "\xff\xfe", ")]}'\n"};
  return one_of(random, heads) + text;
}

std::string with_a_nul(std::string text, random_source& random) {
  text.insert(below(random, text.size() + 1), 1, '\0');
  return text;
}

std::string nested(std::size_t depth, bool objects) {
  std::string text;
  for (std::size_t i = 0; i != depth; ++i) text += objects ? "{\"a\":" : "[";
  text += "0";
  text += std::string(depth, objects ? '}' : ']');
  return text;
}

/// `text` with a member more, first in its object.
std::string with_member(const std::string& text, const std::string& name,
                        const std::string& value) {
  return "{\"" + name + "\":" + value + (text[1] == '}' ? "" : ",") + text.substr(1);
}

void add_json_wrongs(kind_of_file& kind) {
  const auto of = [&kind](auto change) {
    return [valid = kind.valid, change](random_source& random) {
      return change(valid(random), random);
    };
  };
  kind.wrongs.emplace_back("cut", of(cut_anywhere));
  kind.wrongs.emplace_back("without structure", of(without_structure));
  kind.wrongs.emplace_back("tail", of(with_tail));
  kind.wrongs.emplace_back("head", of(with_head));
  kind.wrongs.emplace_back("NUL", of(with_a_nul));
  kind.wrongs.emplace_back("deep", of([](const std::string& text, random_source& random) {
                             const std::size_t depth = 65 + below(random, 20'000);
                             return with_member(text, "x", nested(depth, (random() & 1) != 0));
                           }));
  kind.wrongs.emplace_back("a name twice", of([](const std::string& text, random_source&) {
                             return with_member(with_member(text, "x", "0"), "x", "0");
                           }));
  kind.wrongs.emplace_back("a name twice, once escaped",
                           of([](const std::string& text, random_source&) {
                             return with_member(with_member(text, "x", "0"), "\\u0078", "0");
                           }));
}

// --- safetensors --------------------------------------------------------------------------------

constexpr std::uint64_t data_size = 1 << 16;

struct tensor_text {
  std::string name;
  std::string dtype = "U8";
  std::vector<std::string> shape;
  std::vector<std::string> offsets;
};

std::string list(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) text += (text.size() > 1 ? "," : "") + item;
  return text + "]";
}

std::string header_of(const std::vector<tensor_text>& tensors) {
  std::string text = "{";
  for (const tensor_text& t : tensors)
    text += (text.size() > 1 ? ",\"" : "\"") + t.name + "\":{\"dtype\":\"" + t.dtype +
            "\",\"shape\":" + list(t.shape) + ",\"data_offsets\":" + list(t.offsets) + "}";
  return text + "}";
}

/// Tensors that tile the data section, in any order, each of at least 64 bytes.
std::vector<tensor_text> some_tensors(random_source& random) {
  static const std::vector<std::pair<std::string, std::uint64_t>> types{
      {"U8", 1}, {"BOOL", 1}, {"F16", 2}, {"BF16", 2}, {"F32", 4}, {"I64", 8}};
  std::vector<tensor_text> all;
  const std::size_t count = 1 + below(random, 6);
  std::uint64_t begin = 0;
  for (std::size_t i = 0; i != count; ++i) {
    const std::uint64_t end =
        i + 1 == count ? data_size : begin + 64 * (1 + below(random, (data_size - begin) / 640));
    const auto& [type, size] = one_of(random, types);
    tensor_text t;
    t.name = "layer." + std::to_string(i);
    t.dtype = type;
    t.shape = {"8", std::to_string((end - begin) / size / 8)};
    t.offsets = {std::to_string(begin), std::to_string(end)};
    all.push_back(t);
    begin = end;
  }
  std::shuffle(all.begin(), all.end(), random);
  return all;
}

std::string moved(const std::string& number, std::int64_t by) {
  return std::to_string(static_cast<std::int64_t>(std::stoull(number)) + by);
}

kind_of_file safetensors() {
  kind_of_file kind;
  kind.name = "safetensors";
  kind.valid = [](random_source& random) { return header_of(some_tensors(random)); };
  kind.read = [](const std::string& text) { safetensors_header::parse(text, data_size, "file"); };
  kind.errors = {errc::model_header_invalid, errc::model_dtype};
  add_json_wrongs(kind);

  // One tensor of several, chosen at random, gets something wrong.
  const auto tensor = [&kind](const std::string& name, auto change) {
    kind.wrongs.emplace_back(name, [change](random_source& random) {
      std::vector<tensor_text> all = some_tensors(random);
      change(all[below(random, all.size())], random);
      return header_of(all);
    });
  };
  tensor("overlap or hole", [](tensor_text& t, random_source& random) {
    const std::int64_t by = (random() & 1) != 0 ? 8 : -8;
    for (std::string& offset : t.offsets) offset = moved(offset, by);  // -8 is no number at all
  });
  tensor("other size than the shape", [](tensor_text& t, random_source& random) {
    t.offsets[1] = moved(t.offsets[1], (random() & 1) != 0 ? 1 : -1);
  });
  tensor("offsets exchanged",
         [](tensor_text& t, random_source&) { std::swap(t.offsets[0], t.offsets[1]); });
  tensor("offsets beyond the data", [](tensor_text& t, random_source&) {
    for (std::string& offset : t.offsets) offset = moved(offset, data_size);
  });
  tensor("one offset", [](tensor_text& t, random_source&) { t.offsets.pop_back(); });
  tensor("three offsets", [](tensor_text& t, random_source&) { t.offsets.push_back("0"); });
  tensor("an offset that is no number", [](tensor_text& t, random_source& random) {
    t.offsets[below(random, 2)] = one_of(random, no_numbers);
  });
  tensor("an extent that is no number", [](tensor_text& t, random_source& random) {
    t.shape[below(random, 2)] = one_of(random, no_numbers);
  });
  tensor("an enormous extent", [](tensor_text& t, random_source& random) {
    static const std::vector<std::string> huge{"9223372036854775807", "9223372036854775808",
                                               "18446744073709551615", "4294967296"};
    t.shape[below(random, 2)] = one_of(random, huge);
  });
  tensor("a product that overflows to the right one", [](tensor_text& t, random_source&) {
    t.shape.insert(t.shape.end(), {"4294967296", "4294967296", "4294967296"});
  });
  tensor("an extent of nothing", [](tensor_text& t, random_source&) { t.shape[0] = "0"; });
  tensor("nine dimensions",
         [](tensor_text& t, random_source&) { t.shape.insert(t.shape.end(), 7, "1"); });
  tensor("an unknown type", [](tensor_text& t, random_source& random) {
    static const std::vector<std::string> types{"F33",  "f32",     "",    "F32 ",
                                                "Q4_0", "\\u0000", "U128"};
    t.dtype = one_of(random, types);
  });
  tensor("a name that is not text", [](tensor_text& t, random_source& random) {
    static const std::vector<std::string> names{
        "\xff", "\xc0\x80", "\xed\xa0\x80", "\n", "\\ud800", "\xf5\x80\x80\x80", "\\x", "\x1b[2J"};
    t.name = one_of(random, names);
  });
  tensor("a field twice",
         [](tensor_text& t, random_source&) { t.dtype += "\",\"dtype\":\"" + t.dtype; });
  tensor("a field more", [](tensor_text& t, random_source&) { t.dtype += "\",\"x\":\"y"; });
  tensor("a shape inside a shape", [](tensor_text& t, random_source& random) {
    t.shape.push_back(nested(1 + below(random, 3'000), false));
  });
  kind.wrongs.emplace_back("a tensor twice", [](random_source& random) {
    std::vector<tensor_text> all = some_tensors(random);
    all.push_back(one_of(random, all));
    return header_of(all);
  });
  kind.wrongs.emplace_back("a tensor over the others", [](random_source& random) {
    std::vector<tensor_text> all = some_tensors(random);
    // At the end it leaves no hole behind it, so that nothing but the overlap is wrong.
    const std::uint64_t begin =
        (random() & 1) != 0 ? data_size - 64 : 8 * below(random, data_size / 8 - 8);
    tensor_text t;
    t.name = "intruder";
    t.shape = {"64"};
    t.offsets = {std::to_string(begin), std::to_string(begin + 64)};
    all.push_back(t);
    return header_of(all);
  });
  kind.wrongs.emplace_back("a tensor less", [](random_source& random) {
    std::vector<tensor_text> all = some_tensors(random);
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(below(random, all.size())));
    return header_of(all);
  });
  return kind;
}

// --- config.json --------------------------------------------------------------------------------

const std::vector<std::string> numbers_of_config{
    "n_layer", "n_embd", "n_head", "vocab_size", "n_ctx", "n_positions", "layer_norm_epsilon"};

nlohmann::json some_config(random_source& random) {
  nlohmann::json config{{"model_type", "gpt2"},
                        {"n_layer", 12},
                        {"n_embd", 768},
                        {"n_head", 12},
                        {"vocab_size", 50257},
                        {"n_ctx", 1024},
                        {"n_positions", 1024},
                        {"layer_norm_epsilon", 1e-5},
                        {"activation_function", "gelu_new"}};
  for (const char* ignored : {"bos_token_id", "eos_token_id", "initializer_range", "attn_pdrop"})
    if ((random() & 1) != 0) config[ignored] = below(random, 1000);
  return config;
}

/// `config` with the text `value`, which need not be JSON, in place of a member's.
std::string with_value(nlohmann::json config, const std::string& key, const std::string& value) {
  config[key] = "@";
  std::string text = config.dump();
  const std::string marked = "\"" + key + "\":\"@\"";
  const std::size_t at = text.find(marked);
  return text.replace(at, marked.size(), "\"" + key + "\":" + value);
}

kind_of_file config() {
  kind_of_file kind;
  kind.name = "config.json";
  kind.valid = [](random_source& random) { return some_config(random).dump(); };
  kind.read = [](const std::string& text) { model_config::check<Gpt2Small>(text, "file"); };
  kind.errors = {errc::model_config_invalid, errc::model_config_mismatch};
  add_json_wrongs(kind);
  kind.wrongs.emplace_back("no number", [](random_source& random) {
    const std::string& key = one_of(random, numbers_of_config);
    std::string value = one_of(random, no_numbers);
    if (value == "null") value = "\"null\"";  // that would be the same as leaving it out
    return with_value(some_config(random), key, value);
  });
  kind.wrongs.emplace_back("another number", [](random_source& random) {
    nlohmann::json wrong = some_config(random);
    const std::string& key = one_of(random, numbers_of_config);
    wrong[key] = wrong[key].get<double>() + 1.0 + static_cast<double>(below(random, 1 << 20));
    return wrong.dump();
  });
  kind.wrongs.emplace_back("an enormous number", [](random_source& random) {
    static const std::vector<std::string> huge{"18446744073709551615",
                                               "9223372036854775808",
                                               "-9223372036854775808",
                                               "1e308",
                                               "1e-400",
                                               "123456789012345678901234567890"};
    return with_value(some_config(random), one_of(random, numbers_of_config), one_of(random, huge));
  });
  kind.wrongs.emplace_back("a required member less", [](random_source& random) {
    nlohmann::json wrong = some_config(random);
    wrong.erase(one_of(random, std::vector<std::string>{"model_type", "n_layer", "n_embd", "n_head",
                                                        "vocab_size"}));
    return wrong.dump();
  });
  kind.wrongs.emplace_back("another architecture", [](random_source& random) {
    const std::string key = (random() & 1) != 0 ? "model_type" : "activation_function";
    static const std::vector<std::string> others{"\"llama\"", "\"GPT2\"",   "\"\"", "\"gelu_neW\"",
                                                 "0",         "[\"gpt2\"]", "{}",   "\"\x1b[2J\""};
    return with_value(some_config(random), key, one_of(random, others));
  });
  kind.wrongs.emplace_back("a switch of another model", [](random_source& random) {
    static const std::vector<std::pair<std::string, std::string>> switches{
        {"scale_attn_weights", "false"},      {"scale_attn_by_inverse_layer_idx", "true"},
        {"reorder_and_upcast_attn", "true"},  {"add_cross_attention", "1"},
        {"is_encoder_decoder", "\"yes\""},    {"quantization_config", "{\"bits\":4}"},
        {"tie_word_embeddings", "\"false\""}, {"n_inner", "3071"}};
    const auto& [key, value] = one_of(random, switches);
    return with_value(some_config(random), key, value);
  });
  return kind;
}

// --- tokenizer.json -----------------------------------------------------------------------------

nlohmann::json some_tokenizer(random_source& random) {
  static const std::vector<std::vector<std::pair<std::string, std::string>>> merges{
      {}, {{"a", "b"}}, {{"a", "a"}, {"aa", "aa"}}, {{"t", "h"}, {"th", "e"}, {"Ġ", "the"}}};
  return test::small_tokenizer(one_of(random, merges));
}

kind_of_file tokenizer_json() {
  using json = nlohmann::json;
  kind_of_file kind;
  kind.name = "tokenizer.json";
  kind.valid = [](random_source& random) { return some_tokenizer(random).dump(); };
  kind.read = [](const std::string& text) {
    const tokenizer made{tokenizer_files::from_json(text)};
  };
  kind.errors = {errc::model_tokenizer_invalid};
  add_json_wrongs(kind);

  const auto wrong = [&kind](const std::string& name, auto change) {
    kind.wrongs.emplace_back(name, [change](random_source& random) {
      json document = some_tokenizer(random);
      change(document, random);
      // What is not UTF-8 stays as it is: the reader has to notice.
      return document.dump(-1, ' ', false, json::error_handler_t::ignore);
    });
  };
  const auto some_byte = [](random_source& random) {
    return byte_level::text(static_cast<unsigned char>(below(random, 256)));
  };
  wrong("a byte without a token", [=](json& document, random_source& random) {
    document["model"]["vocab"].erase(some_byte(random));
  });
  wrong("an id twice", [=](json& document, random_source& random) {
    document["model"]["vocab"]["zzz"] = below(random, 256);
  });
  wrong("an id that is none", [=](json& document, random_source& random) {
    static const std::vector<json> ids{
        -1,      1.5,        "7",        nullptr,       true,
        1 << 20, 1ULL << 32, 1ULL << 63, json::array(), json::object()};
    document["model"]["vocab"][some_byte(random)] = one_of(random, ids);
  });
  wrong("a token of odd characters", [](json& document, random_source& random) {
    static const std::vector<std::string> texts{" ", "a b", "\n", "\x01", "日本", "\xc2\xa0"};
    document["model"]["vocab"][one_of(random, texts)] = 1000;
  });
  wrong("a token that is too long", [](json& document, random_source& random) {
    document["model"]["vocab"][std::string(1025 + below(random, 5000), 'a')] = 1000;
  });
  wrong("a merge that is none", [](json& document, random_source& random) {
    static const std::vector<json> merges{"a",
                                          "",
                                          " a",
                                          "a ",
                                          "a b c",
                                          1,
                                          nullptr,
                                          json::array({"a"}),
                                          json::array({"a", 1}),
                                          json::array({"a", "b", "c"}),
                                          json::object()};
    document["model"]["merges"].push_back(one_of(random, merges));
  });
  wrong("a merge of unknown tokens", [](json& document, random_source& random) {
    static const std::vector<json> merges{"qqq q", "q qqq", "q q", json::array({"zz", "a"})};
    document["model"]["merges"].push_back(one_of(random, merges));
  });
  wrong("a merge twice", [](json& document, random_source&) {
    document["model"]["vocab"]["qq"] = 1000;
    for (int i = 0; i != 2; ++i) document["model"]["merges"].push_back("q q");
  });
  wrong("a feature of other tokenizers", [](json& document, random_source& random) {
    static const std::vector<std::pair<const char*, json>> features{
        {"/normalizer", {{"type", "NFC"}}},
        {"/truncation", {{"max_length", 3}}},
        {"/padding", true},
        {"/version", "2.0"},
        {"/model/type", "Unigram"},
        {"/model/dropout", 0.1},
        {"/model/byte_fallback", true},
        {"/model/ignore_merges", true},
        {"/model/continuing_subword_prefix", "##"},
        {"/model/end_of_word_suffix", "</w>"},
        {"/pre_tokenizer/type", "Split"},
        {"/pre_tokenizer/add_prefix_space", true},
        {"/pre_tokenizer/use_regex", false},
        {"/decoder/type", "WordPiece"},
        {"/unheard_of", 1},
        {"/model/unheard_of", nullptr},
        {"/decoder/unheard_of", json::object()}};
    const auto& [place, value] = one_of(random, features);
    document[json::json_pointer(place)] = value;
  });
  wrong("a member less", [](json& document, random_source& random) {
    static const std::vector<std::pair<const char*, const char*>> members{
        {"", "version"},
        {"", "model"},
        {"", "decoder"},
        {"", "pre_tokenizer"},
        {"/model", "vocab"},
        {"/model", "merges"},
        {"/decoder", "type"},
        {"/pre_tokenizer", "add_prefix_space"},
        {"/added_tokens/0", "id"},
        {"/added_tokens/0", "content"},
        {"/added_tokens/0", "normalized"}};
    const auto& [place, member] = one_of(random, members);
    document[json::json_pointer(place)].erase(member);
  });
  wrong("a member of another type", [](json& document, random_source& random) {
    static const std::vector<const char*> places{
        "/version",          "/model",          "/decoder",
        "/pre_tokenizer",    "/added_tokens",   "/model/vocab",
        "/model/merges",     "/added_tokens/0", "/added_tokens/0/content",
        "/added_tokens/0/id"};
    static const std::vector<json> others{1.5, true, json::array({1}),
                                          json::array({json::array()})};
    document[json::json_pointer(one_of(random, places))] = one_of(random, others);
  });
  wrong("an added token that is none", [](json& document, random_source& random) {
    static const std::vector<std::pair<const char*, json>> values{
        {"id", -1},       {"id", 1 << 20},  {"content", ""},  {"content", 5}, {"single_word", true},
        {"lstrip", true}, {"rstrip", true}, {"unheard_of", 1}};
    const auto& [key, value] = one_of(random, values);
    document["added_tokens"][0][key] = value;
  });
  kind.wrongs.emplace_back("text that is not UTF-8", [](random_source& random) {
    static const std::vector<std::string> bytes{"\xff", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82",
                                                "\xf5\x80\x80\x80"};
    return with_member(some_tokenizer(random).dump(), one_of(random, bytes), "1");
  });
  return kind;
}

TEST_SUITE("attack/bad_model_files") {
  TEST_CASE("ten thousand bad model files are each refused by name, and soon") {
    test::campaign figures{"model.bad_files"};
    random_source random{figures.seed()};
    std::chrono::steady_clock::duration slowest{};
    const std::vector<kind_of_file> kinds{safetensors(), config(), tokenizer_json()};
    const std::uint64_t rounds = test::effort(10'000, 200'000) / kinds.size() + 1;
    for (const kind_of_file& kind : kinds) {
      CAPTURE(kind.name);
      for (std::uint64_t round = 0; round != rounds; ++round) {
        if (round % 50 == 0) CHECK_NOTHROW(kind.read(kind.valid(random)));
        const auto& [name, make] = kind.wrongs[round % kind.wrongs.size()];
        CAPTURE(name);
        const std::string text = make(random);
        const auto begun = std::chrono::steady_clock::now();
        figures.tried();
        try {
          kind.read(text);
          FAIL_CHECK("accepted: " << text.substr(0, 400));
        } catch (const failure& refused) {
          const bool known = std::any_of(kind.errors.begin(), kind.errors.end(),
                                         [&](errc expected) { return refused.code() == expected; });
          CHECK_MESSAGE(known, refused.code().message());
          CHECK(refused.where().size() < 400);
          CHECK(std::none_of(refused.where().begin(), refused.where().end(), [](char c) {
            return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
          }));
          figures.refused(known);
        }
        slowest = std::max(slowest, std::chrono::steady_clock::now() - begun);
      }
    }
    CHECK(figures.refusals() == figures.tries());
    // Measured: 1 ms. A machine that is busy may take a hundred times as long, a quadratic reader
    // of these files would take far longer.
    CHECK(slowest < std::chrono::seconds{1});
  }

  TEST_CASE("a file that is nothing but brackets is refused before it is read to its end") {
    const std::vector<kind_of_file> kinds{safetensors(), config(), tokenizer_json()};
    for (const kind_of_file& kind : kinds) {
      CAPTURE(kind.name);
      for (const char* piece : {"[", "{\"a\":", "[[],"}) {
        std::string text = "{\"a\":";
        while (text.size() < 1'000'000) text += piece;
        CHECK_THROWS_AS(kind.read(text), failure);
      }
    }
  }
}

}  // namespace
