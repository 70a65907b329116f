#include "workers/resolver/recent_deletions.h"

#include <algorithm>

namespace twsync {

template <>
struct WireFields<DeletionWindow::Item> {
  template <class F>
  static void fields(DeletionWindow::Item& v, F&& f) {
    f(v.side, v.at_ns, v.count);
  }
};

namespace {

constexpr const char* kDeletions = "deletions";

struct WindowMemory {
  std::vector<DeletionWindow::Item> items;
  template <class F>
  void fields(F&& f) {
    f(items);
  }
};

}  // namespace

void recall_deletions(PairWork& work, int64_t now_ns) {
  const auto text = work.base->remembered(kDeletions);
  if (!text || text->empty()) return;
  auto memory = decode<WindowMemory>(*text);
  if (!memory) return;
  // After the clock was set back they count for ten minutes, not for as long as it was set back.
  for (auto& item : memory->items) item.at_ns = std::min(item.at_ns, now_ns);
  work.deletions.restore(std::move(memory->items));
}

Status note_deletions(PairWork& work, Side side, uint64_t count, int64_t now_ns) {
  if (count == 0) return {};
  work.deletions.add(side, count, now_ns);
  return work.base->remember(kDeletions, encode(WindowMemory{work.deletions.items()}));
}

}  // namespace twsync
