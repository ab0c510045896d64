#include "nn/training/metrics.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "autodiff/error.hpp"
#include "nn/data/file.hpp"
#include "nn/training/metrics_lines.hpp"

namespace xtangent::nn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

[[noreturn]] void fail(const fs::path& file, const char* what) {
  throw data_error("[metrics] " + file.string() + ": " + what + ": " + std::strerror(errno) + ".");
}

// Whether a line was written before the training reached this state.
bool is_before(std::string_view line, std::size_t epoch, std::size_t step) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("kind") || !json.contains("epoch") || !json.contains("step")) return false;
  if (!json["epoch"].is_number_unsigned() || !json["step"].is_number_unsigned()) return false;
  return json["kind"] == "epoch" ? json["epoch"].get<std::size_t>() < epoch : json["step"].get<std::size_t>() <= step;
}

}  // namespace

std::string lines_before(std::string_view lines, std::size_t epoch, std::size_t step) {
  std::string kept;
  for (std::size_t end; (end = lines.find('\n')) != std::string_view::npos; lines.remove_prefix(end + 1))
    if (is_before(lines.substr(0, end), epoch, step)) kept.append(lines.substr(0, end + 1));
  return kept;
}

MetricsFile::MetricsFile(fs::path file) : file_(std::move(file)) {
  if (file_.empty()) return;
  begin_with("");
}

MetricsFile::MetricsFile(fs::path file, std::size_t epoch, std::size_t step) : file_(std::move(file)) {
  if (file_.empty()) return;
  std::error_code code;
  std::string kept;
  if (fs::is_regular_file(file_, code)) {
    const std::vector<std::uint8_t> bytes = read_raw_file(file_);
    kept = lines_before({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, epoch, step);
  }
  begin_with(kept);
}

void MetricsFile::begin_with(std::string_view kept) {
  std::error_code code;
  // What reads from a FIFO would take it for finished if it were closed here.
  if (fs::is_regular_file(file_, code) || !fs::exists(file_, code)) write_file(file_, {kept});
  descriptor_ = ::open(file_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor_ < 0) fail(file_, "cannot be opened");
}

MetricsFile::~MetricsFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

MetricsFile::MetricsFile(MetricsFile&& other) noexcept
    : file_(std::move(other.file_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

MetricsFile& MetricsFile::operator=(MetricsFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

void MetricsFile::write(const StepMetrics& m) {
  if (descriptor_ < 0) return;
  write_line(Json{{"kind", "step"},
                  {"epoch", m.epoch},
                  {"step", m.step},
                  {"loss", m.loss},
                  {"accuracy", m.accuracy},
                  {"rate", m.rate},
                  {"gradient_norm", m.gradient_norm}}
                 .dump());
}

void MetricsFile::write(const Epoch& e, std::size_t step) {
  if (descriptor_ < 0) return;
  write_line(Json{{"kind", "epoch"},
                  {"epoch", e.number},
                  {"step", step},
                  {"loss", e.loss},
                  {"accuracy", e.accuracy},
                  {"test_loss", e.test_loss},
                  {"test_accuracy", e.test_accuracy},
                  {"seconds", e.seconds}}
                 .dump());
}

void MetricsFile::write_line(std::string line) {
  line += '\n';
  std::string_view left = line;
  while (!left.empty()) {
    const ssize_t put = ::write(descriptor_, left.data(), left.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail(file_, "cannot be written");
    left.remove_prefix(static_cast<std::size_t>(put));
  }
}

}  // namespace xtangent::nn
