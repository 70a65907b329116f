#pragma once
// Name: an interned immutable string (owner, group, encoded xattrs) of pointer size, so that a tree of a million
// entries holds each distinct value once. Compared by pointer. Interned values are never freed: use it only where
// few distinct values exist.

#include <string>
#include <string_view>

namespace twsync {

class Name {
 public:
  Name();                                ///< ""
  explicit Name(std::string_view text);  ///< any thread; takes a mutex
  const std::string& str() const { return *text_; }
  bool empty() const { return text_->empty(); }
  bool operator==(const Name& other) const { return text_ == other.text_; }

 private:
  const std::string* text_;
};

}  // namespace twsync
