#include "examples/common/program.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include "examples/common/images.hpp"

namespace xtangent::examples {
namespace {

const char* started_as() { return std::getenv("XTANGENT_COMMAND"); }

std::string shell_word(const std::string& word) {
  constexpr const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=,+-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string end_of_help(const Program& program) {
  std::string out = program.more + (program.more.empty() ? "" : "\n\n") + "Examples:";
  for (const auto& [arguments, what] : program.examples)
    out += "\n  ./run " + program.name + (arguments.empty() ? "" : " ") + arguments + "\n      " + what;
  return out;
}

// "--n N    The first training images [1000]": the default behind what is said, as long as it may be. Versions of CLI11
// differ in how they break lines and where they put names, so that is done here.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    const std::string end = app->get_footer();
    return app->get_description() + "\n" + make_usage(app, std::move(name)) + make_positionals(app) +
           make_groups(app, mode) + (end.empty() ? "" : "\n" + end + "\n");
  }
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string out = "Usage: " + name + " [OPTIONS]";
    for (const CLI::Option* option : app->get_options([](const CLI::Option* o) { return o->get_positional(); }))
      out += " " + make_option_usage(option);
    return out + "\n";
  }
  std::string make_group(std::string group, bool positional, std::vector<const CLI::Option*> options) const override {
    const std::string name = positional ? "Positionals" : group == "OPTIONS" ? "Options" : std::move(group);
    return CLI::Formatter::make_group(name, positional, std::move(options));
  }
  std::string make_option(const CLI::Option* option, bool positional) const override {
    std::string out = "  " + make_option_name(option, positional) + make_option_opts(option);
    const std::string desc = make_option_desc(option), gap(get_column_width(), ' ');
    out += out.size() < gap.size() ? gap.substr(out.size()) : "\n" + gap;
    for (const char c : desc) out += c == '\n' ? "\n" + gap : std::string(1, c);
    return out + "\n";
  }
  std::string make_option_name(const CLI::Option* option, bool positional) const override {
    if (positional) return option->get_name(true);
    std::string out;
    for (const std::string& name : option->get_snames()) out += (out.empty() ? "-" : ", -") + name;
    for (const std::string& name : option->get_lnames()) out += (out.empty() ? "--" : ", --") + name;
    return out;
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_size() == 0 ? "" : " " + option->get_type_name();
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    const std::string preset = option->get_default_str();
    return option->get_description() + (preset.empty() ? "" : " [" + preset + "]");
  }
};

std::string help_of(const CLI::App& app) {
  std::string text = app.help();
  for (std::size_t at; (at = text.find("\n\n\n")) != std::string::npos;) text.erase(at, 1);
  return text;
}

// 0, or 1 and a line on stderr where something that was printed is lost, as on a full disk.
int status_of_output(const std::string& name) {
  errno = 0;
  std::cout.flush();
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout) return 0;
  std::fprintf(stderr, "%s: standard output could not be written%s%s. What it should say is lost.\n", name.c_str(),
               errno ? ": " : "", errno ? std::strerror(errno) : "");
  return 1;
}

// Lets ./run, if it has started this program, get the digits and start it again. Returns where that is not so.
void ask_for_digits(const std::string& name, char** argv) {
  const char* script = std::getenv("XTANGENT_RUN");
  if (!script) return;
  std::string word = "with-digits", program = name;
  std::vector<char*> words = {argv[0], word.data(), program.data()};
  for (char** argument = argv + 1; *argument; ++argument) words.push_back(*argument);
  words.push_back(nullptr);
  std::fflush(stdout);
  ::execv(script, words.data());
}

std::string unknown_arguments(const CLI::App& app) {
  const std::vector<std::string> rest = app.remaining();
  const std::string unknown = rest.empty() ? "" : rest.front(), nearest = nearest_option(app, unknown);
  return (unknown.rfind("-", 0) == 0 ? "no option " : "no use for ") + unknown +
         (nearest.empty() ? "." : "; did you mean " + nearest + "?");
}

}  // namespace

void open_standard_streams() {
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF) ::open("/dev/null", O_RDWR);  // takes the lowest that is free
  // A file that may not become so large is then an error of its write, which says so.
  std::signal(SIGXFSZ, SIG_IGN);
}

std::string command_line(int argc, char** argv) {
  std::string out = started_as() ? started_as() : argv[0];
  for (int i = 1; i < argc; ++i) out += " " + shell_word(argv[i]);
  return out;
}

std::optional<int> parse(CLI::App& app, const Program& program, int argc, char** argv) {
  app.formatter(std::make_shared<HelpFormatter>());
  app.name("./run " + program.name);
  app.set_help_flag("-h,--help", "This help, without a build");
  app.description(program.description);
  app.footer(end_of_help(program));
  std::string wrong;
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    if (first_of_mpirun()) std::fputs(help_of(app).c_str(), stdout);
    return status_of_output(program.name);
  } catch (const CLI::ExtrasError&) {
    wrong = unknown_arguments(app);
  } catch (const CLI::ParseError& error) {
    wrong = error.what();
    if (wrong.rfind(": ", 0) == 0) wrong.erase(0, 2);  // a former name says its name itself
  }
  if (first_of_mpirun())
    std::fprintf(stderr, "%s: %s\n./run %s --help lists the options.\n", program.name.c_str(), wrong.c_str(),
                 program.name.c_str());
  else  // mpirun ends all when the first one fails, which must be the one that says why
    std::this_thread::sleep_for(std::chrono::seconds(5));
  return 1;
}

int run_program(const Program& program, char** argv, const std::function<void()>& run,
                const std::function<std::string(const std::exception&)>& advice) {
  const char* name = program.name.c_str();
  try {
    run();
    return status_of_output(program.name);
  } catch (const Interrupted&) {
    return answer_interruption();
  } catch (const DigitsMissing& missing) {
    ask_for_digits(program.name, argv);
    std::fprintf(stderr, "%s: %s\n", name, missing.what());
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: [%s] not enough memory. %s\n", name, name, program.smaller.c_str());
  } catch (const std::exception& failure) {
    // Ctrl-C on a terminal also ends gnuplot, which is no error then.
    if (interrupted()) return answer_interruption();
    const std::string more = advice ? advice(failure) : "";
    std::fprintf(stderr, "%s: %s%s%s\n", name, failure.what(), more.empty() ? "" : "\n", more.c_str());
  }
  return 1;
}

}  // namespace xtangent::examples
