#include "examples/attribute/files.hpp"

#include <nlohmann/json.hpp>
#include <sstream>

#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "nn/safetensors.hpp"

namespace xtangent::examples {
namespace {

using Json = nlohmann::ordered_json;

// The lines of a table as text.
std::ostringstream table(const char* head) {
  std::ostringstream out;
  out.precision(9);
  out << head;
  return out;
}

Json json_of(const Mean& mean) {
  return {{"mean", mean.value}, {"deviation", mean.deviation}, {"standard_error", mean.error}, {"count", mean.count}};
}

std::string report_json(const Study& s) {
  Json out;
  out["data"] = s.task.title;
  out["network"] = s.task.network;
  out["width"] = s.task.width;
  out["parameters"] = s.parameters;
  out["n"] = s.task.y.size();
  out["test"] = s.task.y_test.size();
  out["ridge"] = s.settings.ridge;
  out["subsets"] = s.subsets.size();
  out["repeats"] = s.settings.repeats;
  if (!s.agreement.empty()) out["agreement"] = json_of(mean_of(s.agreement));
  out["train_accuracy"] = s.train_accuracy;
  out["test_accuracy"] = s.test_accuracy;
  out["ridges"] = s.ridges;
  out["lds"] = Json::object();
  for (const Method& method : s.methods) {
    Json& entry = out["lds"][method.id] = json_of(mean_of(method.lds));
    if (method.id != "exact") entry["difference_from_exact"] = json_of(mean_difference(method.lds, s.exact().lds));
    if (!method.curve.empty()) entry["over_ridges"] = method.curve;
    if (method.seconds > 0) entry["seconds"] = method.seconds;
  }
  out["flipped"] = s.settings.flipped;
  out["found"] = Json::array();
  for (const FlipStudy& flips : s.flips)
    for (const Ranking& ranking : flips.rankings)
      out["found"].push_back({{"epochs", flips.epochs},
                              {"ranking", ranking.name},
                              {"first_10_percent", json_of(mean_of(ranking.found_in(0.1)))},
                              {"first_20_percent", json_of(mean_of(ranking.found_in(0.2)))}});
  out["seconds"] = s.seconds;
  return out.dump(2) + "\n";
}

std::string lds_csv(const Study& s) {
  std::ostringstream out = table("test_image,label,prediction");
  for (const Method& method : s.methods) out << ',' << method.id;
  for (std::size_t i = 0; i < s.task.y_test.size(); ++i) {
    out << '\n' << i << ',' << s.task.y_test[i] << ',' << s.predictions[i];
    for (const Method& method : s.methods) out << ',' << method.lds[i];
  }
  return out.str() + "\n";
}

std::string flips_csv(const Study& s) {
  std::ostringstream out = table("epochs,seed,ranking,found_in_10_percent,found_in_20_percent,flipped_labels_fitted");
  for (const FlipStudy& flips : s.flips)
    for (std::size_t i = 0; i < flips.runs.size(); ++i)
      for (const Ranking& r : flips.rankings)
        out << '\n'
            << flips.epochs << ',' << flips.runs[i].seed << ',' << r.name << ',' << r.found_in(0.1)[i] << ','
            << r.found_in(0.2)[i] << ',' << flips.runs[i].fitted;
  return out.str() + "\n";
}

std::string flipped_images_csv(const Study& s) {
  std::ostringstream out = table("epochs,seed,image,label,given,self_influence,loss,random");
  for (const FlipStudy& flips : s.flips)
    for (const FlipRun& run : flips.runs)
      for (std::size_t i = 0; i < s.task.y.size(); ++i)
        out << '\n'
            << flips.epochs << ',' << run.seed << ',' << i << ',' << s.task.y[i] << ',' << run.labels.given[i] << ','
            << run.self_influence[i] << ',' << run.loss[i] << ',' << run.random[i];
  return out.str() + "\n";
}

std::string images_csv(const Study& s) {
  std::ostringstream out = table("image,label,miss");
  for (std::size_t i = 0; i < s.task.y.size(); ++i) out << '\n' << i << ',' << s.task.y[i] << ',' << s.misses[i];
  return out.str() + "\n";
}

// (S, N): 1 where the half has the image
Array<double> table_of(const Study& s) {
  Array<double> out = Array<double>::zeros({s.subsets.size(), s.task.y.size()});
  for (std::size_t i = 0; i < s.subsets.size(); ++i)
    for (const std::size_t n : s.subsets[i]) out.mutable_data()[i * s.task.y.size() + n] = 1;
  return out;
}

}  // namespace

const std::vector<std::string>& file_names() {
  static const std::vector<std::string> names = {"report.json",        "lds.csv",     "flips.csv",
                                                 "flipped_images.csv", "images.csv",  "scores.npy",
                                                 "subsets.npy",        "margins.npy", "weights.safetensors"};
  return names;
}

void write_files(const Study& s) {
  const auto at = [&](const char* name) { return s.settings.out / name; };
  nn::write_file(at("report.json"), {report_json(s)});
  nn::write_file(at("lds.csv"), {lds_csv(s)});
  nn::write_file(at("flips.csv"), {flips_csv(s)});
  nn::write_file(at("flipped_images.csv"), {flipped_images_csv(s)});
  nn::write_file(at("images.csv"), {images_csv(s)});
  nn::write_npy(at("scores.npy"), s.exact().scores);
  nn::write_npy(at("subsets.npy"), table_of(s));
  nn::write_npy(at("margins.npy"), s.margins);
  nn::save_parameters(s.params, at("weights.safetensors"));
}

}  // namespace xtangent::examples
