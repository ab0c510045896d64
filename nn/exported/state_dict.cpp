#include "nn/exported/state_dict.hpp"

#include <array>
#include <utility>

#include "nn/data/zip.hpp"
#include "nn/exported/archive_files.hpp"
#include "nn/exported/pickle.hpp"

namespace xtangent::nn::exported {
namespace {

constexpr std::array<std::pair<const char*, std::int64_t>, 10> storages = {{{"torch.ByteStorage", 1},
                                                                            {"torch.CharStorage", 2},
                                                                            {"torch.ShortStorage", 3},
                                                                            {"torch.IntStorage", 4},
                                                                            {"torch.LongStorage", 5},
                                                                            {"torch.HalfStorage", 6},
                                                                            {"torch.FloatStorage", 7},
                                                                            {"torch.DoubleStorage", 8},
                                                                            {"torch.BoolStorage", 12},
                                                                            {"torch.BFloat16Storage", 13}}};

std::int64_t scalar_type(const Pickled& storage, const std::string& name) {
  const auto* type = std::get_if<PickledName>(&storage.what);
  for (const auto& [known, code] : storages)
    if (type && *type->name == known) return code;
  throw data_error("the array '" + name + "' has elements of the type " + (type ? *type->name : std::string("?")) +
                   ", which this library does not read");
}

// Reads arrays from the files of an archive.
class Reader {
 public:
  explicit Reader(const ZipArchive& archive) : files_(archive) {}

  std::map<std::string, StoredArray> read() const {
    files_.require_little_endian();
    std::map<std::string, StoredArray> out;
    const Pickle pickle(files_.bytes("data.pkl"));
    const auto& all = pickle.value().what;
    const PickledDictionary* items = nullptr;
    if (const auto* dictionary = std::get_if<PickledDictionary*>(&all)) items = *dictionary;
    if (const auto* call = std::get_if<PickledCall*>(&all))
      if (*(*call)->function == "collections.OrderedDict") items = &(*call)->items;
    if (!items) throw data_error("it holds no dictionary");
    for (const auto& [key, value] : *items) out[key.text()] = array(tensor(value.call()), key.text());
    return out;
  }

 private:
  // The call that makes the array of a parameter, or that makes the array.
  static const PickledCall& tensor(const PickledCall& call) {
    const bool parameter = *call.function == "torch._utils._rebuild_parameter" && !call.arguments->empty();
    return parameter ? call.arguments->front().call() : call;
  }

  StoredArray array(const PickledCall& call, const std::string& name) const {
    const PickledList& arguments = *call.arguments;
    if (*call.function != "torch._utils._rebuild_tensor_v2" || arguments.size() < 4)
      throw data_error("the array '" + name + "' is made by " + *call.function + ", which this library does not know");
    const auto* reference = std::get_if<PickledReference*>(&arguments[0].what);
    if (!reference || (*reference)->arguments->size() < 3) throw data_error("the array '" + name + "' has no elements");
    const PickledList& storage = *(*reference)->arguments;
    const std::string file = "data/" + storage[2].text();
    Strided strided;
    strided.offset = extent(arguments[1], name);
    for (const Pickled& size : arguments[2].list()) strided.shape.push_back(extent(size, name));
    for (const Pickled& stride : arguments[3].list()) strided.strides.push_back(extent(stride, name));
    return stored_array(strided, scalar_type(storage[1], name), files_.bytes(file), name, file);
  }

  static std::size_t extent(const Pickled& value, const std::string& name) {
    if (value.integer() < 0) throw data_error("the array '" + name + "' has a negative extent or stride");
    return static_cast<std::size_t>(value.integer());
  }

  ArchiveFiles files_;
};

}  // namespace

std::map<std::string, StoredArray> read_state_dict(std::vector<std::uint8_t> bytes, const std::string& source) {
  const ZipArchive archive(std::move(bytes), source);
  return Reader(archive).read();
}

}  // namespace xtangent::nn::exported
