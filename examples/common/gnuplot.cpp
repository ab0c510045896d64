#include "examples/common/gnuplot.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

#include "autodiff/error.hpp"
#include "examples/common/interruption.hpp"

namespace xtangent::examples {
namespace {

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// Makes gnuplot's file an element of a page: removes the prolog and the sizes, and makes identifiers unique by `name`.
// Pixels of images stay what they are when a browser enlarges them.
std::string inlined(std::string svg, const std::string& name) {
  svg.erase(0, std::min(svg.find("<svg"), svg.size()));
  replace_all(svg, "<image ", "<image style='image-rendering:pixelated' ");
  for (const char* id : {"gpDot", "gpPt"}) replace_all(svg, id, name + id);
  replace_all(svg, "font-family=\"sans-serif\"", "font-family=\"Helvetica, Arial, sans-serif\"");
  return svg;
}

// What gnuplot writes, in a file of the memory that has no name and needs no folder. gnuplot inherits it. While it
// lives, SIGPIPE is ignored, so that a gnuplot that stops is an error here and does not end the program, and Ctrl-C
// waits.
class Drawing {
 public:
  explicit Drawing(const std::string& name)
      : file_(::memfd_create(name.c_str(), 0)), before_(std::signal(SIGPIPE, SIG_IGN)) {
    if (file_ < 0) throw error(std::string("[draw] no memory for a figure: ") + std::strerror(errno) + ".");
  }
  ~Drawing() {
    std::signal(SIGPIPE, before_);
    ::close(file_);
  }
  Drawing(const Drawing&) = delete;
  Drawing& operator=(const Drawing&) = delete;
  // The name of the file for this process and those that it starts.
  std::string file() const { return "/proc/self/fd/" + std::to_string(file_); }
  std::string text() const {
    std::ostringstream out;
    out << std::ifstream(file()).rdbuf();
    return out.str();
  }

 private:
  Patience patience_;
  int file_;
  void (*before_)(int);
};

}  // namespace

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'') out += '\'';
    out += c == '\n' ? ' ' : c;
  }
  return out + '\'';
}

std::string run_gnuplot(int width, int height, const std::function<void(Gnuplot&)>& plot) {
  static std::atomic<int> figures{0};
  const std::string name = "figure" + std::to_string(++figures);
  const Drawing drawing(name);
  {
    Gnuplot gp("LC_ALL=C.UTF-8 gnuplot");  // in locale C it warns of every letter that is not ASCII
    gp << "set terminal svg size " << width << "," << height << " name '" << name
       << "' font 'sans-serif,13' enhanced linewidth 1.2 background '#ffffff'\n"
       << "set output " << quoted(drawing.file()) << "\n"
       << "set encoding utf8\nset minussign\n"
       << "set border 3 linecolor rgb '" << pale << "'\nset tics nomirror textcolor rgb '" << ink << "'\n"
       << "set grid linecolor rgb '#e6eaf0' linetype 1 linewidth 0.8\n";
    plot(gp);
    gp << "unset multiplot\nset output\n";
  }
  end_if_interrupted();
  const std::string text = drawing.text();
  if (text.find("</svg>") == std::string::npos) throw error("[draw] gnuplot drew no figure. See its messages above.");
  return inlined(text, name);
}

void label(Gnuplot& gp, const std::string& title, const std::string& x, const std::string& y) {
  const auto text = [&](const std::string& t) { return quoted(t) + " textcolor rgb '" + ink + "'"; };
  gp << "set title " << text(title) << " font ',14' offset 0,-0.2\n"
     << "set xlabel " << text(x) << " offset 0,0.4\nset ylabel " << text(y) << "\n";
}

}  // namespace xtangent::examples
