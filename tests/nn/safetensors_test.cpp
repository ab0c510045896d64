// Files of named arrays, and parameters in them.
#include "nn/safetensors.hpp"

#include <cstring>

#include "nn/data/file.hpp"
#include "nn/nn.hpp"
#include "tests/nn/files.hpp"
#include "tests/nn/safetensors_files.hpp"

using namespace xtangent;
using namespace xtangent::nn;
using namespace xtangent::testing;

namespace {

// A layer with the arrays of batch norm: a trained array, a buffer, and PyTorch's counter.
struct Counted : Module<Counted> {
  template <class Declare>
  void parameters(Declare&& declare) const {
    declare("weight", Shape{3}, constant(1.0));
    declare.buffer("running_mean", {3}, 0.5);
    declare.buffer("num_batches_tracked", {}, 4.0);
  }
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    return x * p("weight");
  }
};

Sequential net() { return sequential(Linear{3, 4}, Tanh{}, Counted{}, Linear{4, 2}); }

template <class T>
bool equal(const Array<T>& a, const Array<T>& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

TensorFile parsed(const std::string& file) { return TensorFile({file.begin(), file.end()}, "bad.safetensors"); }

const std::string eight(8, '\0');
const std::string one = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

}  // namespace

BOOST_AUTO_TEST_SUITE(safetensors)

BOOST_AUTO_TEST_CASE(bytes_are_what_the_format_says) {
  const TemporaryFolder folder;
  write_safetensors<float>(folder / "a",
                           {{"b", Array<float>::from({2, 1}, {1, -0.5f})}, {"a", Array<float>::scalar(2)}},
                           {.metadata = {{"made", "by hand"}}});
  const std::string expected = safetensors_file(R"({"__metadata__":{"made":"by hand"},)"
                                                R"("b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
                                                R"("a":{"dtype":"F32","shape":[],"data_offsets":[8,12]}} )",
                                                std::string("\0\0\x80\x3f\0\0\0\xbf\0\0\0\x40", 12));
  const auto bytes = read_raw_file(folder / "a");
  BOOST_TEST(std::string(bytes.begin(), bytes.end()) == expected);
  BOOST_TEST(folder.files() == 1u);
}

BOOST_AUTO_TEST_CASE(arrays_come_back_in_order) {
  const TemporaryFolder folder;
  const std::vector<NamedArray<double>> arrays = {{"z", Array<double>::from({2, 2}, {0.1, -0.0, 1e-310, 4})},
                                                  {"empty", Array<double>(Shape{0, 5})},
                                                  {"a.b \u00e9\"", Array<double>::scalar(7)},
                                                  {"", Array<double>::from({1, 1, 1, 1, 1, 1, 1, 2}, {1, 2})}};
  write_safetensors(folder / "a", arrays, {.metadata = {{"x", "1"}, {"y", ""}}});
  const TensorFile file = read_safetensors(folder / "a");
  BOOST_TEST(file.entries().size() == 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    BOOST_TEST(file.entries()[i].name == arrays[i].name);
    BOOST_TEST(equal(file.get<double>(arrays[i].name), arrays[i].value));
  }
  BOOST_TEST(file.metadata().at("x") == "1");
  BOOST_TEST(file.metadata().size() == 2u);
  write_safetensors<double>(folder / "none", {});
  BOOST_TEST(read_safetensors(folder / "none").entries().empty());
}

BOOST_AUTO_TEST_CASE(a_file_in_memory_is_one_that_was_written) {
  const TemporaryFolder folder;
  const std::vector<NamedArray<double>> arrays = {{"z", Array<double>::from({2, 2}, {0.1, -0.0, 1e-310, 4})},
                                                  {"empty", Array<double>(Shape{0, 5})}};
  write_safetensors(folder / "a", arrays, {.metadata = {{"x", "1"}}});
  const TensorFile written = read_safetensors(folder / "a");
  const TensorFile file = tensor_file(arrays, "the arrays", {.metadata = {{"x", "1"}}});
  BOOST_TEST(file.source() == "the arrays");
  BOOST_TEST(file.metadata().at("x") == "1");
  BOOST_TEST(file.entries().size() == written.entries().size());
  for (const NamedArray<double>& array : arrays) {
    BOOST_TEST(equal(file.get<double>(array.name), array.value));
    BOOST_TEST(equal(written.get<double>(array.name), array.value));
  }
  expect_error<data_error>(
      [&] {
        tensor_file<double>({arrays[0], arrays[0]}, "the arrays");
      },
      {"[write_safetensors] the arrays: ", "'z' is given twice"});
}

BOOST_AUTO_TEST_CASE(types_are_converted) {
  const std::string elements = std::string("\x00\x3c", 2) + std::string("\x80\x3f", 2) +
                               std::string("\xff\xff\xff\xff", 4) + std::string("\0\0\0\0\0\0\xf0\x7f", 8) +
                               std::string("\2\0\0\0\0\0\0\x80", 8) + "\1";
  const TensorFile file = parsed(safetensors_file(R"({"half":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},)"
                                                  R"("brain":{"dtype":"BF16","shape":[1],"data_offsets":[2,4]},)"
                                                  R"("whole":{"dtype":"I32","shape":[1],"data_offsets":[4,8]},)"
                                                  R"("infinite":{"dtype":"F64","shape":[1],"data_offsets":[8,16]},)"
                                                  R"("large":{"dtype":"I64","shape":[1],"data_offsets":[16,24]},)"
                                                  R"("yes":{"dtype":"BOOL","shape":[1],"data_offsets":[24,25]}})",
                                                  elements));
  BOOST_TEST(file.get<float>("half").item() == 1.0f);
  BOOST_TEST(file.get<double>("brain").item() == 1.0);
  BOOST_TEST(file.get<double>("whole").item() == -1.0);
  BOOST_TEST(file.get<float>("infinite").item() == std::numeric_limits<float>::infinity());
  BOOST_TEST(file.integers("whole")[0] == -1);
  BOOST_TEST(file.integers("large")[0] == std::numeric_limits<std::int64_t>::min() + 2);
  BOOST_TEST(file.integers("yes")[0] == 1);
  BOOST_TEST(name(file.entry("brain").type) == "BF16");
  expect_error<data_error>([&] { file.get<double>("large"); }, {"element 0", "'large'", "I64", "out of range"});
  expect_error<data_error>([&] { file.integers("half"); }, {"'half' is F16"});
  expect_error<data_error>([&] { file.get<float>("hlaf"); }, {"bad.safetensors", "'hlaf'", "Near: half"});
}

BOOST_AUTO_TEST_CASE(bad_files_are_named_with_the_byte) {
  const auto two = [](const std::string& first, const std::string& second) {
    return safetensors_file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + first +
                                R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + second + "}}",
                            eight);
  };
  const auto with = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return safetensors_file(
        R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}", eight);
  };
  const std::string f32 = R"("F32")";
  const std::vector<std::pair<std::string, std::vector<std::string_view>>> cases = {
      {"", {"byte 0", "0 bytes"}},
      {"1234567", {"byte 0", "7 bytes"}},
      {std::string(200, 'x'), {"byte 0", "at most 100000000"}},
      {length_prefix(~std::uint64_t{0}) + one, {"byte 0", "at most 100000000"}},
      {length_prefix(100000001) + one, {"byte 0", "a header of 100000001 bytes"}},
      {length_prefix(100000000) + one, {"truncated", "100000000 bytes"}},
      {length_prefix(one.size() + 1) + one, {"byte 62", "truncated"}},
      {length_prefix(0) + one, {"byte 8", "begin with '{'"}},
      {safetensors_file("[]", ""), {"byte 8", "begin with '{'"}},
      {safetensors_file(" " + one, eight), {"byte 8", "begin with '{'"}},
      {safetensors_file("{", ""), {"byte 9", "not valid JSON"}},
      {safetensors_file(one + "}", eight), {"byte 62", "not valid JSON"}},
      {safetensors_file("{\"\xff\":1}", ""), {"not valid JSON"}},
      {safetensors_file(R"({"a":1e999})", ""), {"not valid JSON"}},
      {safetensors_file(std::string(1, '{') + R"("a":)" + std::string(100000, '['), ""), {"nested too deeply"}},
      {safetensors_file(R"({"a":1})", ""), {"'a' needs dtype, shape and data_offsets"}},
      {safetensors_file(R"({"a":{"dtype":"F32","shape":[2]}})", eight), {"'a' needs"}},
      {safetensors_file(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", eight), {"nothing else"}},
      {safetensors_file(one.substr(0, one.size() - 1) + "," + one.substr(1), eight), {"the name 'a' twice"}},
      {safetensors_file(R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", eight),
       {"'dtype' twice"}},
      {safetensors_file(R"({"__metadata__":[]})", ""), {"__metadata__ is not an object"}},
      {safetensors_file(R"({"__metadata__":{"x":1}})", ""), {"__metadata__ 'x' is no string"}},
      {with("7", "[2]", "[0,8]"), {"dtype '' is not known"}},
      {with(R"("F8")", "[2]", "[0,8]"), {"'a': the dtype 'F8' is not known"}},
      {with(f32, "2", "[0,8]"), {"shape is no list"}},
      {with(f32, "[-2]", "[0,8]"), {"shape is no list"}},
      {with(f32, "[2.0]", "[0,8]"), {"shape is no list"}},
      {with(f32, "[18446744073709551616]", "[0,8]"), {"shape is no list"}},
      {with(f32, "[1,1,1,1,1,1,1,1,2]", "[0,8]"), {"shape has 9 numbers", "at most 8"}},
      {with(f32, "[4294967296,4294967296]", "[0,8]"), {"too large"}},
      {with(f32, "[0,4294967296,4294967296]", "[0,8]"), {"takes 0 bytes"}},
      {with(f32, "[2]", "[0]"), {"not a begin and an end"}},
      {with(f32, "[2]", "[8,0]"), {"not a begin and an end"}},
      {with(f32, "[2]", "[0,8,16]"), {"at most 2"}},
      {with(f32, "[2]", "[0,4]"), {"F32 of shape (2,) takes 8 bytes, its data_offsets say 4"}},
      {with(R"("F64")", "[2]", "[0,8]"), {"takes 16 bytes"}},
      {with(f32, "[2]", "[4,12]"), {"4 bytes before 'a' belong to no array"}},
      {with(f32, "[4]", "[0,16]"), {"truncated", "'a' ends 8 bytes beyond the file"}},
      {with(f32, "[1]", "[0,4]"), {"4 trailing bytes"}},
      {with(f32, "[2]", "[18446744073709551600,18446744073709551608]"), {"belong to no array"}},
      {two("[0,4]", "[0,4]"), {"'b' overlaps"}},
      {two("[0,4]", "[2,6]"), {"'b' overlaps"}},
      {two("[0,4]", "[5,9]"), {"1 bytes before 'b'"}},
      {two("[4,8]", "[4,8]"), {"4 bytes before 'a'"}},
      {two("[4,8]", "[8,12]"), {"4 bytes before 'a'"}},
  };
  BOOST_TEST(parsed(safetensors_file(one + "  ", eight)).entries().size() == 1u);
  BOOST_TEST(parsed(two("[4,8]", "[0,4]")).entries()[0].name == "b");
  for (std::size_t i = 0; i < cases.size(); ++i) BOOST_TEST_CONTEXT("case " << i) {
      for (std::string_view part : cases[i].second)
        expect_error<data_error>([&] { parsed(cases[i].first); }, {part, "bad.safetensors: byte "});
    }
  const TemporaryFolder folder;
  expect_error<data_error>([&] { read_safetensors(folder / "absent"); }, {"absent", "No such file"});
}

BOOST_AUTO_TEST_CASE(writing_refuses_what_could_not_be_read) {
  const TemporaryFolder folder;
  const auto file = folder / "a.safetensors";
  const Array<double> x = Array<double>::from({2}, {1, 1e300});
  const auto refused = [&](std::vector<NamedArray<double>> arrays, SaveOptions options, std::string_view says) {
    expect_error<data_error>([&] { write_safetensors(file, arrays, options); }, {"a.safetensors", says});
  };
  refused({{"a", x}, {"a", x}}, {}, "'a' is given twice");
  refused({{"__metadata__", x}}, {}, "reserved");
  refused({{"\xff", x}}, {}, "no UTF-8");
  refused({{"a", x}}, {.type = ElementType::i64}, "element 1 of 'a' is out of range of I64");
  refused({{"a", x}}, {.type = ElementType::f32}, "element 1 of 'a' is out of range of F32");
  expect_error<data_error>([&] { write_safetensors<double>(folder / "no" / "a", {{"a", x}}); }, {"No such file"});
  BOOST_TEST(folder.files() == 0u);
}

BOOST_AUTO_TEST_CASE(parameters_and_buffers_round_trip) {
  const TemporaryFolder folder;
  const auto file = folder / "net.safetensors";
  const auto saved = net().init<float>(3);
  save_parameters(saved, file);
  const auto loaded = load_parameters<float>(net(), file);
  BOOST_TEST(equal(loaded.flat(), saved.flat()));
  BOOST_TEST(equal(loaded.buffers(), saved.buffers()));
  const auto wide = load_parameters<double>(net(), file);
  BOOST_TEST(equal(wide.cast<float>().flat(), saved.flat()));
  save_parameters(wide, file, {.type = ElementType::bf16});
  const auto coarse = load_parameters<float>(net(), file);
  for (std::size_t i = 0; i < saved.size(); ++i)
    BOOST_TEST(std::abs(coarse.flat()[i] - saved.flat()[i]) <= std::abs(saved.flat()[i]) / 256);
  // The order of the network, which files by PyTorch need not have.
  const TensorFile tensors = read_safetensors(file);
  BOOST_TEST(tensors.integers("2.num_batches_tracked")[0] == 4);
  for (std::size_t i = 0; i < saved.count(); ++i) BOOST_TEST(tensors.entries()[i].name == saved.infos()[i].name);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_a_network_is_listed) {
  const TemporaryFolder folder;
  const auto file = folder / "net.safetensors";
  const auto full = net().init<double>(3);
  const auto save_without = [&](const std::vector<std::string>& left_out, std::vector<NamedArray<double>> more) {
    for (const auto* infos : {&full.infos(), &full.buffer_infos()})
      for (const ParameterInfo& info : *infos)
        if (std::find(left_out.begin(), left_out.end(), info.name) == left_out.end())
          more.push_back({info.name, full[info.name]});
    write_safetensors(file, more);
  };
  const auto load = [&](LoadOptions options = {}) { return load_parameters(net().init<double>(9), file, options); };
  const Array<double> x = Array<double>::ones({2});

  save_without({"0.bias", "2.running_mean", "3.weight", "2.weight"},
               {{"head.bias", x}, {"3.weight", Array<double>::ones({4, 2})}, {"x.num_batches_tracked", x}});
  expect_error<parameter_error>(
      [&] { load(); },
      {"net.safetensors does not fit the network. ", "missing: 0.bias (4,), 2.weight (3,), 2.running_mean (3,); ",
       "not in the network: 'head.bias'; ", "of another shape: 3.weight (4, 2) instead of (2, 4)."});
  save_without({"0.bias"}, {{"head.bias", x}});
  expect_error<parameter_error>([&] { load({.ignore_extra = true}); }, {"missing: 0.bias (4,)."});
  expect_error<parameter_error>([&] { load({.ignore_missing = true}); }, {"not in the network: 'head.bias'."});
  const auto partly = load({.ignore_extra = true, .ignore_missing = true});
  BOOST_TEST(equal(partly["0.weight"], full["0.weight"]));
  BOOST_TEST(equal(partly["0.bias"], net().init<double>(9)["0.bias"]));
  save_without({"2.num_batches_tracked"}, {});
  BOOST_TEST(equal(load().flat(), full.flat()));

  std::vector<NamedArray<double>> many;
  for (int i = 0; i < 30; ++i) many.push_back({"extra" + std::to_string(i), x});
  save_without({}, many);
  expect_error<parameter_error>([&] { load(); }, {"'extra0', 'extra1'", "'extra7' and 22 more."});
}

BOOST_AUTO_TEST_CASE(wrongly_typed_arrays) {
  const auto file = [](const std::string& weight, const std::string& counter, const std::string& elements) {
    return parsed(safetensors_file(R"({"weight":{"dtype":")" + weight + R"(","shape":[3],"data_offsets":[0,12]},)" +
                                       R"("running_mean":{"dtype":"F32","shape":[3],"data_offsets":[12,24]},)" +
                                       R"("num_batches_tracked":{"dtype":")" + counter +
                                       R"(","shape":[],"data_offsets":[24,32]}})",
                                   elements));
  };
  const std::string elements = std::string(24, '\0') + std::string("\7\0\0\0\0\0\0\0", 8);
  const auto params = Counted{}.init<float>(1);
  BOOST_TEST(load_parameters(params, file("F32", "I64", elements))["num_batches_tracked"].item() == 7.0f);
  expect_error<parameter_error>([&] { load_parameters(params, file("I32", "I64", elements)); },
                                {"of another type: weight I32 instead of a floating type."});
  expect_error<data_error>([&] { load_parameters(params, file("F32", "I64", std::string(32, '\x7f'))); },
                           {"'num_batches_tracked'", "out of range"});
  BOOST_TEST(params["num_batches_tracked"].item() == 4.0f);
}

BOOST_AUTO_TEST_CASE(no_more_is_read_than_the_header_says) {
  const TemporaryFolder folder;
  expect_error<data_error>([] { read_safetensors("/dev/zero"); }, {"/dev/zero", "byte 8", "begin with '{'"});
  // A terabyte that takes no blocks on the disk.
  put(folder / "a", safetensors_file(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", eight));
  const std::size_t end = std::filesystem::file_size(folder / "a");
  std::filesystem::resize_file(folder / "a", std::size_t(1) << 40);
  expect_error<data_error>([&] { read_safetensors(folder / "a"); },
                           {"byte " + std::to_string(end), std::to_string((std::size_t(1) << 40) - end) + " trailing"});
}

BOOST_AUTO_TEST_SUITE_END()
