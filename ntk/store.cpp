#include "ntk/store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/layout.hpp"
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"

namespace xtangent::ntk {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Place = std::pair<std::size_t, std::size_t>;

constexpr const char* manifest_name = "manifest.json";
constexpr const char* format = "xtangent kernel store, 1";

[[noreturn]] void fail(const fs::path& place, const std::string& what) {
  throw data_error("[ntk store] " + place.string() + ": " + what);
}

std::string tile_name(Place place, const std::string& sum) {
  char text[64];
  std::snprintf(text, sizeof text, "tile-%05zu-%05zu-%s.npy", place.first, place.second, sum.c_str());
  return text;
}

struct TileFile {
  Place place;
  std::string sum;
};

// The place and checksum in a tile's name; nothing for other files.
std::optional<TileFile> parsed(const std::string& name) {
  std::size_t i = 0, j = 0;
  char sum[9] = {};
  int length = 0;
  if (std::sscanf(name.c_str(), "tile-%zu-%zu-%8[0-9a-f].npy%n", &i, &j, sum, &length) != 3 || length == 0 ||
      static_cast<std::size_t>(length) != name.size())
    return std::nullopt;
  return TileFile{{i, j}, sum};
}

std::string sum_of(const Array<double>& tile) { return fingerprint(tile.data(), tile.bytes()); }

Json described(const KernelShape& shape, const Partition& partition, const StoreSettings& settings) {
  Json given = Json::object();
  for (const auto& [name, value] : settings) given[name] = value;
  const Grid& g = shape.grid;
  return {{"format", format},
          {"kernel",
           {{"rows", g.rows},
            {"columns", g.columns},
            {"symmetric", g.symmetric},
            {"block", shape.block},
            {"planes", shape.planes}}},
          {"partition",
           {{"strategy", name(partition.strategy)},
            {"tile", partition.tile},
            {"panel", partition.panel},
            {"shard", partition.shard},
            {"rows_held", partition.rows_held},
            {"columns_held", partition.columns_held}}},
          {"settings", given}};
}

Strategy strategy_of(const std::string& text) {
  for (Strategy s : {Strategy::structured, Strategy::jacobian, Strategy::vector_products})
    if (text == name(s)) return s;
  throw data_error("[ntk store] no strategy '" + text + "'.");
}

}  // namespace

std::string fingerprint(const void* data, std::size_t bytes, const std::string& earlier) {
  const uLong before = earlier.empty() ? 0 : std::stoul(earlier, nullptr, 16);
  char text[9];
  std::snprintf(text, sizeof text, "%08lx", crc32_z(before, static_cast<const Bytef*>(data), bytes));
  return text;
}

bool is_store(const fs::path& folder) {
  std::error_code code;
  return fs::exists(folder / manifest_name, code);
}

StoredKernel::StoredKernel(fs::path folder) : folder_(std::move(folder)) {
  if (!is_store(folder_)) fail(folder_, std::string("there is no ") + manifest_name + ": no kernel was stored here.");
  const auto bytes = nn::read_raw_file(folder_ / manifest_name);
  try {
    const Json all = Json::parse(bytes.begin(), bytes.end());
    if (all.at("format") != format) fail(folder_ / manifest_name, "is of another version of the library.");
    const Json &kernel = all.at("kernel"), &cut = all.at("partition");
    shape_ = {{kernel.at("rows"), kernel.at("columns"), cut.at("tile"), kernel.at("symmetric")},
              kernel.at("block"),
              kernel.at("planes")};
    partition_ = {
        strategy_of(cut.at("strategy")), cut.at("tile"), cut.at("panel"), cut.at("shard"), cut.at("rows_held"),
        cut.at("columns_held")};
    for (const auto& [name, value] : all.at("settings").items()) settings_.emplace_back(name, value.get<std::string>());
  } catch (const Json::exception& wrong) {
    fail(folder_ / manifest_name, std::string("is corrupt: ") + wrong.what() + ". Remove the folder to begin again.");
  }
  if (shape_.grid.rows == 0 || shape_.grid.columns == 0 || shape_.grid.edge == 0 || shape_.block == 0 ||
      shape_.planes == 0)
    fail(folder_ / manifest_name, "is corrupt: an empty kernel. Remove the folder to begin again.");
  for (const auto& entry : fs::directory_iterator(folder_))
    if (const auto tile = parsed(entry.path().filename().string()))
      if (tile->place.first < shape_.grid.tile_rows() && tile->place.second < shape_.grid.tile_columns())
        files_[tile->place] = entry.path();
}

void StoredKernel::require_complete() const {
  if (!complete())
    fail(folder_, "only " + std::to_string(finished()) + " of " + std::to_string(tiles()) +
                      " tiles are finished. Compute the kernel again with this folder as store: it goes on.");
}

Array<double> StoredKernel::tile(std::size_t i, std::size_t j) const {
  const fs::path& file = files_.at({i, j});
  Array<double> values = nn::read_npy<double>(file);
  if (!(values.shape() == shape_.tile_shape(i, j)) || sum_of(values) != parsed(file.filename().string())->sum)
    fail(file,
         "is corrupt: its checksum or shape does not fit. Remove it and compute the kernel again with this store.");
  return values;
}

// Rows [first, last) of the matrix, of which `out` (last - first, width) begins, from tile (i, j) or its mirror image.
void StoredKernel::place(const Array<double>& tile, std::size_t plane, std::size_t i, std::size_t j, bool mirrored,
                         std::size_t first, std::size_t last, double* out) const {
  const std::size_t h = shape_.grid.row(i).size() * shape_.block, w = shape_.grid.column(j).size() * shape_.block;
  const double* from = tile.data() + plane * h * w;
  const std::size_t row0 = (mirrored ? shape_.grid.column(j) : shape_.grid.row(i)).first * shape_.block;
  const std::size_t column0 = (mirrored ? shape_.grid.row(i) : shape_.grid.column(j)).first * shape_.block;
  const std::size_t rows = mirrored ? w : h, columns = mirrored ? h : w;
  Array<double> turned;
  if (mirrored) {
    turned = Array<double>({rows, columns});
    kernels::transpose(Shape{h, w}, {1, 0}, from, turned.mutable_data());
    from = turned.data();
  }
  const std::size_t begin = std::max(first, row0), end = std::min(last, row0 + rows);
  if (begin < end)
    kernels::copy_runs(end - begin, columns, from + (begin - row0) * columns, columns,
                       out + (begin - first) * shape_.width() + column0, shape_.width());
}

Array<double> StoredKernel::rows(std::size_t first, std::size_t last, std::size_t plane) const {
  if (first > last || last > shape_.height() || plane >= shape_.planes)
    throw shape_error("[ntk store] rows " + std::to_string(first) + " to " + std::to_string(last) + ", plane " +
                      std::to_string(plane) + " of a kernel " + to_string(shape_.shape()) + ".");
  require_complete();
  Array<double> out({last - first, shape_.width()});
  double* to = out.mutable_data();
  const std::size_t each = shape_.grid.edge * shape_.block;
  for (std::size_t i = first / each; first < last && i <= (last - 1) / each; ++i)
    for (std::size_t j = 0; j < shape_.grid.tile_columns(); ++j) {
      const bool mirrored = shape_.grid.symmetric && j < i;
      place(mirrored ? tile(j, i) : tile(i, j), plane, mirrored ? j : i, mirrored ? i : j, mirrored, first, last, to);
    }
  return out;
}

Array<double> StoredKernel::matrix() const {
  require_complete();
  Array<double> out(shape_.shape());
  double* to = out.mutable_data();
  const std::size_t n = shape_.height();
  for (const auto& [at, file] : files_) {
    const auto [i, j] = at;
    const Array<double> values = tile(i, j);
    for (std::size_t plane = 0; plane < shape_.planes; ++plane) {
      place(values, plane, i, j, false, 0, n, to + plane * n * shape_.width());
      if (shape_.grid.symmetric && i != j) place(values, plane, i, j, true, 0, n, to + plane * n * shape_.width());
    }
  }
  return out;
}

void StoredKernel::write_npy(const fs::path& file) const {
  require_complete();
  const std::size_t each = shape_.grid.edge * shape_.block, n = shape_.height();
  std::size_t plane = 0, first = 0;
  nn::write_npy<double>(file, shape_.shape(), [&]() -> Array<double> {
    if (first == n && ++plane < shape_.planes) first = 0;
    const std::size_t begin = first;
    first = std::min(n, first + each);
    return rows(begin, first, plane);
  });
}

LinearMap StoredKernel::map() const {
  if (!shape_.grid.symmetric || shape_.planes != 1)
    throw shape_error("[ntk store] only one symmetric kernel is a map: " + folder_.string() + " holds " +
                      to_string(shape_.shape()) + ".");
  require_complete();
  return {shape_.height(), [store = *this](const Array<double>& u) {
            const std::size_t m = u.shape()[1];
            Array<double> out = Array<double>::zeros(u.shape());
            double* to = out.mutable_data();
            for (const auto& [at, file] : store.files_) {
              const auto [i, j] = at;
              const Array<double> t = store.tile(i, j);
              const std::size_t h = t.shape()[0], w = t.shape()[1], edge = store.shape_.grid.edge * store.shape_.block;
              kernels::gemm(false, false, h, m, w, 1.0, t.data(), w, u.data() + j * edge * m, m, 1.0, to + i * edge * m,
                            m);
              if (i != j)
                kernels::gemm(true, false, w, m, h, 1.0, t.data(), w, u.data() + i * edge * m, m, 1.0,
                              to + j * edge * m, m);
            }
            return out;
          }};
}

void require_same_settings(const StoredKernel& store, const StoreSettings& settings) {
  std::string differing;
  for (const auto& [name, value] : settings) {
    const auto known = std::find_if(store.settings().begin(), store.settings().end(),
                                    [&sought = name](const auto& s) { return s.first == sought; });
    const std::string before = known == store.settings().end() ? "nothing" : known->second;
    if (before != value)
      differing += (differing.empty() ? "" : ", ") + name + " (" + before + " then, " + value + " now)";
  }
  if (!differing.empty())
    throw option_error("[ntk store] " + store.folder().string() + " was begun with other settings: " + differing +
                       ". Take another folder, or go on with what it was begun with.");
}

// An advisory lock that ends with the process, however it ends.
class StoreTiles::Lock {
 public:
  explicit Lock(const fs::path& folder)
      : file_(::open((folder / "lock").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666)) {
    if (file_ < 0) fail(folder, std::string("cannot be written: ") + std::strerror(errno) + ". Choose another folder.");
    if (::flock(file_, LOCK_EX | LOCK_NB) == 0) return;
    ::close(file_);
    fail(folder, "another process is computing in this store. Wait for it, or take another folder.");
  }
  ~Lock() { ::close(file_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int file_;
};

namespace {

// Before hours of work, not after.
void require_space(const fs::path& folder, double bytes) {
  std::error_code code;
  const fs::space_info space = fs::space(folder, code);
  if (code || static_cast<double>(space.available) >= bytes) return;
  fail(folder, "its disk has " + std::to_string(space.available >> 20) + " MiB free, the kernel needs " +
                   std::to_string(static_cast<std::size_t>(bytes) >> 20) + " MiB. Make room, or take another folder.");
}

void require_empty(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename() != "lock" && !entry.path().filename().string().starts_with(manifest_name))
      fail(folder, "holds other files (" + entry.path().filename().string() + ") and no kernel. Take an empty folder.");
}

}  // namespace

StoreTiles::StoreTiles(const fs::path& folder, const KernelShape& shape, const Partition& partition,
                       const StoreSettings& settings) {
  nn::require_writable_folder(folder);
  lock_ = std::make_unique<Lock>(folder);
  const double tile_bytes =
      8.0 * static_cast<double>(shape.planes * shape.block * shape.block * shape.grid.edge * shape.grid.edge);
  if (!is_store(folder)) {
    require_empty(folder);
    nn::remove_unfinished(folder / manifest_name);
    require_space(folder, static_cast<double>(shape.grid.count()) * tile_bytes);
    const std::string text = described(shape, partition, settings).dump(1) + "\n";
    nn::write_file(folder / manifest_name, {text});
  }
  stored_ = std::make_unique<StoredKernel>(folder);
  require_same_settings(*stored_, settings);
  if (!(stored_->shape() == shape) || !(stored_->partition() == partition))
    throw option_error("[ntk store] " + folder.string() +
                       " was begun with other tiles. Take another folder, or go on " +
                       "with the options that it was begun with.");
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("tile-") && !parsed(name)) fs::remove(entry.path());  // what a killed run left
  }
  for (auto at = stored_->files_.begin(); at != stored_->files_.end();) {
    try {
      stored_->tile(at->first.first, at->first.second);
      ++at;
    } catch (const data_error&) {  // computed again
      fs::remove(at->second);
      at = stored_->files_.erase(at);
    }
  }
  require_space(folder, static_cast<double>(shape.grid.count() - stored_->finished()) * tile_bytes);
}

StoreTiles::~StoreTiles() = default;

bool StoreTiles::has(std::size_t i, std::size_t j) const { return stored_->files_.contains({i, j}); }

void StoreTiles::put(std::size_t i, std::size_t j, const FinishedTile& tile) {
  const Shape shape = stored_->shape_.tile_shape(i, j);
  Array<double> values(shape);
  finish_block(tile.block, tile.rows, tile.scale, values.mutable_data(), shape.back(), 0, 0, false,
               shape.from_right(2) * shape.back());
  const fs::path file = stored_->folder_ / tile_name({i, j}, sum_of(values));
  nn::write_npy(file, values);
  stored_->files_[{i, j}] = file;
}

}  // namespace xtangent::ntk
