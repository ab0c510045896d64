#include "examples/common/picture.hpp"

#include <zlib.h>

#include <boost/archive/iterators/base64_from_binary.hpp>
#include <boost/archive/iterators/transform_width.hpp>
#include <cmath>
#include <vector>

#include "autodiff/error.hpp"

namespace xtangent::examples {
namespace {

std::string big_endian(unsigned long value) {
  std::string out;
  for (int shift : {24, 16, 8, 0}) out += static_cast<char>((value >> shift) & 0xff);
  return out;
}

// A chunk of PNG: length, type, data, and the checksum of the last two.
std::string chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const uLong sum = ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return big_endian(data.size()) + body + big_endian(sum);
}

// 8 bits a channel; each row of `pixels` begins with a 0, which means that it is not filtered.
std::string png(std::size_t width, std::size_t height, bool color, const std::string& pixels) {
  uLongf size = ::compressBound(static_cast<uLong>(pixels.size()));
  std::vector<Bytef> packed(size);
  if (::compress(packed.data(), &size, reinterpret_cast<const Bytef*>(pixels.data()),
                 static_cast<uLong>(pixels.size())) != Z_OK)
    throw error("[picture] not enough memory for an image.");
  std::string head = big_endian(width) + big_endian(height);
  for (const int byte : {8, color ? 2 : 0, 0, 0, 0}) head += static_cast<char>(byte);
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", head) +
         chunk("IDAT", std::string(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size))) +
         chunk("IEND", "");
}

std::string base64(const std::string& bytes) {
  using namespace boost::archive::iterators;
  using Digits = base64_from_binary<transform_width<std::string::const_iterator, 6, 8>>;
  std::string out(Digits(bytes.begin()), Digits(bytes.end()));
  return out.append((3 - bytes.size() % 3) % 3, '=');
}

}  // namespace

std::string picture(const nn::LabeledImages& images, std::size_t index) {
  if (images.channels != 1 && images.channels != 3)
    throw data_error("[picture] images of " + std::to_string(images.channels) + " channels. They must have 1 or 3.");
  const std::size_t plane = images.height * images.width;
  const std::uint8_t* from = images.bytes.data() + index * images.image_size();
  std::string pixels;
  for (std::size_t y = 0; y < images.height; ++y) {
    pixels += '\0';
    for (std::size_t x = 0; x < images.width; ++x)
      for (std::size_t c = 0; c < images.channels; ++c) {
        const double light = 255.0 * from[c * plane + y * images.width + x] / images.full;
        pixels += static_cast<char>(std::lround(images.channels == 1 ? 255 - light : light));
      }
  }
  return "data:image/png;base64," + base64(png(images.width, images.height, images.channels == 3, pixels));
}

}  // namespace xtangent::examples
