#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <string>

/// Options as all programs have them: the same names for the same things, values that are checked with a message that
/// says what would be right, and `former` names, which still work and which --help leaves out.
namespace xtangent::examples {

/// Whole numbers from `least` on, 0 or 1.
CLI::Validator whole(std::uint64_t least);
/// Names of files and folders: an empty one is a mistake, such as a variable that a script has not set.
CLI::Validator named();
/// Numbers above 0.
CLI::Validator positive();
/// Numbers from 0 on.
CLI::Validator not_negative();

template <class T>
CLI::Option* option(CLI::App& app, const std::string& name, T& value, const std::string& type,
                    const std::string& description) {
  return app.add_option(name, value, description)->type_name(type);
}

/// A count, its default shown.
template <class T>
CLI::Option* count_option(CLI::App& app, const std::string& name, T& value, std::uint64_t least,
                          const std::string& description) {
  return option(app, name, value, "N", description)->check(whole(least))->capture_default_str();
}

/// CLI11 leaves the name of an option without a group out of its messages.
template <class T>
void former(CLI::App& app, const std::string& name, T& value, const CLI::Validator& check) {
  const auto named = [name, check](const std::string& text) {
    const std::string wrong = check(text);
    return wrong.empty() ? wrong : name + ": " + wrong;
  };
  app.add_option(name, value)->check(named)->group("");
}

template <class T>
CLI::Option* batch_size_option(CLI::App& app, T& value) {
  former(app, "--batch", value, whole(1));
  return count_option(app, "--batch-size", value, 1, "Training images a step");
}

template <class T>
CLI::Option* learning_rate_option(CLI::App& app, T& value, const std::string& description) {
  former(app, "--lr", value, positive());
  return option(app, "--learning-rate", value, "X", description)->check(positive())->capture_default_str();
}

/// The set of images, an argument without a name.
void data_set_option(CLI::App& app, std::string& value);
/// --data, the folder of the set's files.
void data_option(CLI::App& app, std::filesystem::path& value);
/// --data, and --out for a report and the tables beside it.
void data_and_report_options(CLI::App& app, std::filesystem::path& data, std::filesystem::path& out);

void seed_option(CLI::App& app, std::uint64_t& value, const std::string& description);
/// 0, or at most as many as the machine has.
void threads_option(CLI::App& app, std::size_t& value);

/// The known option that an unknown one was meant to be: `--network` for `--netwrok`, `--net`; empty where none is
/// near.
std::string nearest_option(const CLI::App& app, const std::string& unknown);

}  // namespace xtangent::examples
