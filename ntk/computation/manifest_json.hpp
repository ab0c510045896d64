#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "ntk/computation/store_format.hpp"

/// Manifests as JSON: what those of kernels and of features have in common.
namespace xtangent::ntk::store_format {

using Json = nlohmann::ordered_json;

[[noreturn]] void corrupt(const std::filesystem::path& file, const std::string& what);

/// A whole number of an object in the manifest `file`. Throws data_error for another value, such as -1 and 1e30, which
/// a conversion by Json itself would take.
std::size_t whole(const Json& object, const char* name, const std::filesystem::path& file);
Json as_json(const StoreSettings& settings);
StoreSettings settings_in(const Json& object);

/// A manifest as a file, with a checksum of all of it.
std::string with_sum(Json manifest);

/// The manifest that manifest_of(Json) makes of the text of `file`. Throws data_error unless every byte is as text_of()
/// writes it.
template <class F>
auto read_json(std::string_view text, const std::filesystem::path& file, const F& manifest_of) {
  try {
    auto out = manifest_of(Json::parse(text));
    // Compared as a whole, so that there is no byte whose damage goes unnoticed.
    if (text_of(out) != text) corrupt(file, "its checksum does not fit");
    return out;
  } catch (const Json::exception& wrong) {
    corrupt(file, wrong.what());
  }
}

}  // namespace xtangent::ntk::store_format
