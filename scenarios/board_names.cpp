#include "scenarios/board_names.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "scenarios/measured.hpp"

namespace orrery {

namespace {

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

constexpr std::string_view forms[] = {"sxm", "pcie", "nvl", "oam"};

// Lower-case words; "A100-SXM4" and "H100SXM5" have two, "80 GB" is one.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = static_cast<char>(std::tolower(static_cast<unsigned char>(text[i])));
    std::string& word = words.back();
    const auto begins = [&](std::string_view form) {
      for (std::size_t k = 0; k < form.size(); ++k)
        if (i + k >= text.size() || std::tolower(static_cast<unsigned char>(text[i + k])) != form[k]) return false;
      return true;
    };
    const bool form_begins = !word.empty() && std::any_of(std::begin(forms), std::end(forms), begins);
    if ((!is_alnum(c) || form_begins) && !word.empty()) words.emplace_back();
    if (is_alnum(c)) words.back() += c;
  }
  if (words.back().empty()) words.pop_back();
  for (std::size_t i = 1; i < words.size(); ++i)
    if ((words[i] == "gb" || words[i] == "gib") && std::all_of(words[i - 1].begin(), words[i - 1].end(), is_digit)) {
      words[i - 1] += "gb";
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(i));
    }
  return words;
}

// "80gb", "80gib", "80g", "hbm2e", "700w"
bool is_detail(const std::string& word) {
  if (word.starts_with("hbm") || word.starts_with("gddr")) return true;
  const auto unit = std::find_if_not(word.begin(), word.end(), is_digit);
  const std::string_view rest(&*word.begin() + (unit - word.begin()), static_cast<std::size_t>(word.end() - unit));
  return unit != word.begin() && (rest == "gb" || rest == "gib" || rest == "g" || rest == "w");
}

struct BoardName {
  std::string vendor;
  std::string form, generation;      // "sxm", "5"; "" = not said
  std::string product;               // "a100", "tpuv5p", "jetsonagxorin"
  std::vector<std::string> details;  // "80gb", "hbm2e"
};

// What products are also called.
struct ProductName {
  std::string_view stated, ours;
};
constexpr ProductName other_products[] = {{"trn1", "trainium1"},     {"trn2", "trainium2"},    {"trillium", "tpuv6e"},
                                          {"tputrillium", "tpuv6e"}, {"v5e", "tpuv5e"},        {"v5p", "tpuv5p"},
                                          {"v6e", "tpuv6e"},         {"tpuv5lite", "tpuv5e"},  {"tpuv6", "tpuv6e"},
                                          {"ironwood", "tpu7x"},     {"tpuironwood", "tpu7x"}, {"tpuv7x", "tpu7x"},
                                          {"tpuv7", "tpu7x"},        {"tpu7", "tpu7x"},        {"mi250", "mi250x"}};

BoardName board_name(const std::string& name) {
  constexpr std::string_view vendors[] = {"nvidia", "amd", "intel", "google", "aws"};
  constexpr std::string_view words_of_no_product[] = {
      "tesla", "instinct", "gpu",       "cloud",     "amazon", "habana", "tensor", "core", "accelerator",
      "dgx",   "hgx",      "superchip", "blackwell", "hopper", "ampere", "volta",  "gcd"};
  const auto is_one_of = [](const auto& list, const std::string& word) {
    return std::find(std::begin(list), std::end(list), word) != std::end(list);
  };
  BoardName board;
  for (const std::string& word : words_of(name)) {
    const auto form = std::find_if(std::begin(forms), std::end(forms), [&](std::string_view known) {
      return word.starts_with(known) &&
             std::all_of(word.begin() + static_cast<std::ptrdiff_t>(known.size()), word.end(), is_digit);
    });
    const bool digits = std::all_of(word.begin(), word.end(), is_digit);
    const bool count = board.product.empty() && word.ends_with('x') && word.size() > 1 &&
                       std::all_of(word.begin(), word.end() - 1, is_digit);  // "8x"
    if (count || (digits && (board.product.starts_with("tpuv") || board.product.starts_with("v"))))
      continue;  // chips of a slice: "v5e-256"
    if (word == "hopper" && board.product == "grace") board.product = "gh200";
    if (is_one_of(vendors, word)) {
      board.vendor = word;
    } else if (form != std::end(forms)) {
      board.form = *form;
      board.generation = word.substr(form->size());
    } else if (is_detail(word)) {
      board.details.push_back(word.ends_with("gib") || word.ends_with("g") ? word.substr(0, word.find('g')) + "gb"
                                                                           : word);
    } else if (!is_one_of(words_of_no_product, word) && !(word == "grace" && !board.product.empty()) &&
               word != board.product) {
      board.product += word;
    }
  }
  for (const ProductName& other : other_products)
    if (board.product == other.stated) board.product = other.ours;
  return board;
}

}  // namespace

// Of several boards that of the form that is named, else shown by the wiring, else common; of the generation of that form;
// with most of the named details; and with the fewest details that nobody named, which is the common board: a special
// variant says what is special about it.
NearestBoard nearest_board(const std::string& name, bool slots, const std::vector<std::string>& known) {
  const BoardName wanted = board_name(name);
  const std::string form = !wanted.form.empty() ? wanted.form : slots ? "pcie" : "sxm";
  NearestBoard best;
  std::array<int, 4> best_score = {-1, 0, 0, 0};
  bool other_forms = false;
  for (const std::string& candidate : known) {
    const BoardName board = board_name(candidate);
    if (wanted.product.empty() || board.product != wanted.product) continue;
    if (!wanted.vendor.empty() && wanted.vendor != board.vendor) continue;
    if (!wanted.form.empty() && !board.form.empty() && wanted.form != board.form) {
      other_forms = true;
      continue;
    }
    const int generation = wanted.generation.empty() || board.generation.empty() ? 0
                           : wanted.generation == board.generation               ? 1
                                                                                 : -1;
    const int common = static_cast<int>(
        std::count_if(board.details.begin(), board.details.end(), [&](const std::string& detail) {
          return std::find(wanted.details.begin(), wanted.details.end(), detail) != wanted.details.end();
        }));
    const std::array<int, 4> score = {board.form == form ? 1 : 0, generation, common,
                                      common - static_cast<int>(board.details.size())};
    if (score <= best_score) continue;
    best = {candidate, wanted.form.empty() && !board.form.empty()};
    best_score = score;
  }
  if (best.name.empty() && other_forms)
    throw CannotSimulate(
        fmt::format("accelerator \"{}\": the library has boards of that product in other forms only", name));
  return best;
}

}  // namespace orrery
