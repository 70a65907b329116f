#include "common/app/shell_assignments.h"

#include "common/base/text.h"

namespace twsync {

namespace {

constexpr std::string_view kAllowed =
    "allowed are comments and NAME=value, where the value is bare, 'single' or \"double\" quoted";

bool is_name_start(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}
bool is_name_char(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Result<std::vector<Assignment>> run() {
    std::vector<Assignment> out;
    for (;;) {
      skip_to_statement();
      if (at_end()) return out;
      SYNC_ASSIGN(auto assignment, statement());
      out.push_back(std::move(assignment));
    }
  }

 private:
  bool at_end() const { return pos_ >= text_.size(); }
  char peek() const { return text_[pos_]; }
  char next() {
    const char c = text_[pos_++];
    if (c == '\n') ++line_;
    return c;
  }

  Error error(const std::string& what) const {
    return Error{ErrorCode::usage, str(escape_bytes(file_), ":", line_, ": ", what, "; ", kAllowed), {}, 0};
  }

  void skip_comment() {
    while (!at_end() && peek() != '\n') next();
  }

  void skip_to_statement() {
    while (!at_end()) {
      if (is_blank(peek()) || peek() == '\n' || peek() == ';') {
        next();
      } else if (peek() == '#') {
        skip_comment();
      } else {
        return;
      }
    }
  }

  std::string word() {
    std::string out;
    while (!at_end() && is_name_char(peek())) out += next();
    return out;
  }

  Result<Assignment> statement() {
    if (!is_name_start(peek())) return error(str("unexpected '", escape_bytes(text_.substr(pos_, 1)), "'"));
    Assignment out;
    out.line = line_;
    out.name = word();
    if (out.name == "export" && !at_end() && is_blank(peek())) {
      while (!at_end() && is_blank(peek())) next();
      out.line = line_;
      out.name = word();
      if (out.name.empty()) return error("'export' without NAME=value");
    }
    if (at_end() || peek() != '=')
      return error(str("'", out.name, "' is not followed by '=': commands are not run here"));
    next();
    SYNC_ASSIGN(out.value, value());
    SYNC_TRY(end_of_statement());
    return out;
  }

  Result<std::string> value() {
    std::string out;
    while (!at_end()) {
      const char c = peek();
      if (is_blank(c) || c == '\n' || c == ';') break;
      if (c == '\'') {
        SYNC_TRY(single_quoted(out));
      } else if (c == '"') {
        SYNC_TRY(double_quoted(out));
      } else if (c == '\\') {
        next();
        if (at_end()) return error("backslash at the end of the file");
        const char escaped = next();
        if (escaped != '\n') out += escaped;
      } else {
        SYNC_TRY(bare(out));
      }
    }
    return out;
  }

  Status bare(std::string& out) {
    const char c = peek();
    if (c == '$' || c == '`') return expansion();
    if (c == '(') return error("arrays are not known here: write one value with spaces in quotes");
    if (std::string_view("&|<>)!").find(c) != std::string_view::npos) {
      return error(str("'", c, "' outside quotes is a shell expression"));
    }
    if (c == '\0') return error("NUL byte");
    if (c == '~' && out.empty()) return error("'~' is not expanded here: write the whole path, or quote it");
    out += next();
    return {};
  }

  Status single_quoted(std::string& out) {
    const unsigned start = line_;
    next();
    while (!at_end() && peek() != '\'') {
      if (peek() == '\0') return error("NUL byte");
      out += next();
    }
    if (at_end()) return unterminated("'", start);
    next();
    return {};
  }

  Status double_quoted(std::string& out) {
    const unsigned start = line_;
    next();
    while (!at_end() && peek() != '"') {
      if (peek() == '$' || peek() == '`') return expansion();
      if (peek() == '\0') return error("NUL byte");
      if (peek() != '\\') {
        out += next();
        continue;
      }
      next();
      if (at_end()) break;
      const char escaped = next();
      if (escaped == '\n') continue;
      // As in a shell: inside double quotes a backslash escapes only these.
      if (std::string_view("$`\"\\").find(escaped) == std::string_view::npos) out += '\\';
      out += escaped;
    }
    if (at_end()) return unterminated("\"", start);
    next();
    return {};
  }

  Error unterminated(const char* quote, unsigned start) {
    line_ = start;
    return error(str("the quote ", quote, " is never closed"));
  }

  Error expansion() const {
    return error(
        "'$' and '`' are not expanded, since this file is read and never executed: write the value itself, or "
        "single-quote a literal '$'");
  }

  Status end_of_statement() {
    const bool spaced = !at_end() && is_blank(peek());
    while (!at_end() && is_blank(peek())) next();
    if (at_end() || peek() == '\n' || peek() == ';') return {};
    if (peek() == '#' && spaced) {
      skip_comment();
      return {};
    }
    return error("something follows the value: quote a value that has spaces");
  }

  std::string_view text_;
  const std::string& file_;
  size_t pos_ = 0;
  unsigned line_ = 1;
};

}  // namespace

Result<std::vector<Assignment>> parse_assignments(std::string_view text, const std::string& file) {
  return Parser(text, file).run();
}

}  // namespace twsync
