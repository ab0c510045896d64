#include "nn/exported/pickle.hpp"

#include <bit>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "autodiff/error.hpp"

namespace xtangent::nn::exported {
namespace {

template <class V>
const V& expect(const Pickled& value, const char* what) {
  const V* found = std::get_if<V>(&value.what);
  if (!found) throw data_error(std::string("the pickle has something else where ") + what + " is expected");
  return *found;
}

}  // namespace

// The machine of which a pickle is the program: a stack of values, marks in it, and a memory of numbered values. Each
// byte adds at most one value, so memory stays in proportion to the file.
class PickleMachine {
 public:
  PickleMachine(Pickle& out, const std::vector<std::uint8_t>& bytes) : out_(out), bytes_(bytes) {}

  void run() {
    for (std::uint8_t code = byte(); code != '.'; code = byte()) step(code);
    out_.value_ = pop();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw data_error("the pickle is damaged at byte " + std::to_string(at_) + ": " + what);
  }
  std::uint8_t byte() {
    if (at_ >= bytes_.size()) fail("it ends too early");
    return bytes_[at_++];
  }
  std::uint64_t number(std::size_t count) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < count; ++i) out |= std::uint64_t(byte()) << 8 * i;
    return out;
  }
  std::string text(std::size_t count) {
    if (count > bytes_.size() - at_) fail("a text is longer than the file");
    std::string out(bytes_.begin() + static_cast<std::ptrdiff_t>(at_),
                    bytes_.begin() + static_cast<std::ptrdiff_t>(at_ + count));
    at_ += count;
    return out;
  }
  std::string line() {
    std::string out;
    for (char c = static_cast<char>(byte()); c != '\n'; c = static_cast<char>(byte())) out += c;
    return out;
  }

  void push(const Pickled& value) { stack_.push_back(value); }
  template <class V>
  void push_what(V v) {
    Pickled value;
    value.what = v;
    push(value);
  }
  const std::string* held(std::string text) { return &out_.texts_.emplace_back(std::move(text)); }
  Pickled pop() {
    if (stack_.empty()) fail("nothing on the stack");
    const Pickled out = stack_.back();
    stack_.pop_back();
    return out;
  }
  Pickled& top() {
    if (stack_.empty()) fail("nothing on the stack");
    return stack_.back();
  }
  PickledList pop_to_mark() {
    if (marks_.empty() || marks_.back() > stack_.size()) fail("no mark");
    PickledList out(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return out;
  }
  void push_list(PickledList items) { push_what(&out_.lists_.emplace_back(std::move(items))); }
  void push_tuple(std::size_t count) {
    PickledList items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    push_list(std::move(items));
  }

  // A whole number of any length; more than 8 bytes are refused.
  std::int64_t long_number(std::size_t count) {
    if (count > 8) fail("a whole number of more than 64 bits");
    std::uint64_t v = number(count);
    if (count > 0 && count < 8 && (v >> (8 * count - 1)) & 1) v |= ~std::uint64_t(0) << 8 * count;
    return static_cast<std::int64_t>(v);
  }

  // A name by two texts of the pickle, which may be long and used many times.
  const std::string* name_of(const std::string& module, const std::string& name) {
    if (module.size() + name.size() > 1000) fail("a name of more than 1000 letters");
    return held(module + "." + name);
  }

  void set_items(const PickledList& pairs) {
    if (pairs.size() % 2 != 0) fail("a key without a value");
    PickledDictionary* items = nullptr;
    if (auto* dictionary = std::get_if<PickledDictionary*>(&top().what)) items = *dictionary;
    if (auto* call = std::get_if<PickledCall*>(&top().what)) items = &(*call)->items;
    if (!items) fail("items of what is no dictionary");
    for (std::size_t i = 0; i < pairs.size(); i += 2) items->emplace_back(pairs[i], pairs[i + 1]);
  }
  void append(const PickledList& items) {
    auto* list = std::get_if<PickledList*>(&top().what);
    if (!list) fail("an element of what is no list");
    (*list)->insert((*list)->end(), items.begin(), items.end());
  }

  void keep(std::uint64_t index) { memory_[index] = top(); }
  void recall(std::uint64_t index) {
    const auto found = memory_.find(index);
    if (found == memory_.end()) fail("a value that was not kept");
    push(found->second);
  }

  void call() {
    const Pickled arguments = pop(), function = pop();
    const auto* name = std::get_if<PickledName>(&function.what);
    const auto* list = std::get_if<PickledList*>(&arguments.what);
    if (!name || !list) fail("a call of what is no function");
    push_what(&out_.calls_.emplace_back(PickledCall{name->name, *list, {}}));
  }

  void step(std::uint8_t code) {
    switch (code) {
      case 0x80:
        return void(byte());  // the protocol
      case 0x95:
        return void(number(8));  // the length of a frame
      case '(':
        return marks_.push_back(stack_.size());
      case '0':
        return void(pop());
      case 'N':
        return push({});
      case 0x88:
        return push_what(true);
      case 0x89:
        return push_what(false);
      case 'J':
        return push_what(static_cast<std::int64_t>(static_cast<std::int32_t>(number(4))));
      case 'K':
        return push_what(static_cast<std::int64_t>(number(1)));
      case 'M':
        return push_what(static_cast<std::int64_t>(number(2)));
      case 0x8a:
        return push_what(long_number(byte()));
      case 'G': {
        std::uint64_t bits = 0;  // big-endian, unlike everything else
        for (int i = 0; i < 8; ++i) bits = bits << 8 | byte();
        return push_what(std::bit_cast<double>(bits));
      }
      case 'X':
        return push_what(held(text(number(4))));
      case 0x8c:
        return push_what(held(text(byte())));
      case 'c': {
        const std::string module = line();
        return push_what(PickledName{held(module + "." + line())});
      }
      case 0x93: {
        const Pickled name = pop(), module = pop();
        return push_what(PickledName{name_of(module.text(), name.text())});
      }
      case ')':
        return push_list({});
      case ']':
        return push_list({});
      case '}':
        return push_what(&out_.dictionaries_.emplace_back());
      case 't':
        return push_list(pop_to_mark());
      case 0x85:
        return push_tuple(1);
      case 0x86:
        return push_tuple(2);
      case 0x87:
        return push_tuple(3);
      case 'a': {
        const Pickled one = pop();
        return append({one});
      }
      case 'e':
        return append(pop_to_mark());
      case 's': {
        const Pickled value = pop(), key = pop();
        return set_items({key, value});
      }
      case 'u':
        return set_items(pop_to_mark());
      case 'q':
        return keep(byte());
      case 'r':
        return keep(number(4));
      case 0x94:
        return keep(memory_.size());
      case 'h':
        return recall(byte());
      case 'j':
        return recall(number(4));
      case 'R':
        return call();
      case 'b':
        return void(pop());  // attributes of an object, such as _metadata of a state_dict
      case 'Q': {
        const Pickled reference = pop();
        return push_what(&out_.references_.emplace_back(PickledReference{&reference.list()}));
      }
      default:
        fail("the unknown operation " + std::to_string(code));
    }
  }

  Pickle& out_;
  const std::vector<std::uint8_t>& bytes_;
  std::size_t at_ = 0;
  PickledList stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, Pickled> memory_;
};

std::int64_t Pickled::integer() const { return expect<std::int64_t>(*this, "a whole number"); }
const std::string& Pickled::text() const { return *expect<const std::string*>(*this, "a text"); }
const PickledList& Pickled::list() const { return *expect<PickledList*>(*this, "a tuple"); }
const PickledCall& Pickled::call() const { return *expect<PickledCall*>(*this, "an object"); }

Pickle::Pickle(const std::vector<std::uint8_t>& bytes) { PickleMachine(*this, bytes).run(); }

}  // namespace xtangent::nn::exported
