#pragma once
// Two real directories, a sender for the one and an applier for the other.

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "common/fs/applier.h"
#include "common/fs/local_side.h"
#include "common/fs/version_store.h"

namespace twsync {

/// A fresh directory that goes with the object.
class TempDir {
 public:
  /// In TMPDIR, else in /tmp.
  TempDir();
  explicit TempDir(const std::string& base);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void write_file(const std::string& path, const std::string& bytes);
std::string read_file(const std::string& path);  ///< "<none>" when it cannot be read
bool stands(const std::string& path);            ///< lstat succeeds
std::string link_target(const std::string& path);
uint32_t mode_of(const std::string& path);
void set_mtime(const std::string& path, int64_t mtime_ns);  ///< of the link itself, if it is one
int64_t mtime_of(const std::string& path);

/// Times long past, so that no entry is racy.
constexpr int64_t kOldTime = 1'600'000'000 * kSecond + 123'456'789;

class FsTest : public ::testing::Test {
 protected:
  FsTest();
  ~FsTest() override;

  std::string from(const std::string& path) const { return source_ / path; }
  std::string to(const std::string& path) const { return target_ / path; }

  /// Makes a file with an old mtime.
  static void old_file(const std::string& path, const std::string& bytes);
  /// The entry as a scan of that side would give it, with its digest.
  Entry scan(const RootOptions& side, const std::string& path);
  Entry at_source(const std::string& path) { return scan(source_options_, path); }
  Entry at_target(const std::string& path) { return scan(target_options_, path); }

  /// Operations against the target, `expected` as it stands there now.
  Operation put(const std::string& path);
  Operation put_link(const std::string& path);
  Operation make_dir(const std::string& path, uint32_t mode = 0755);
  Operation remove(const std::string& path);
  Operation remove_dir(const std::string& path);
  Operation rename(const std::string& from_path, const std::string& to_path);
  Operation metadata(const std::string& path, const std::function<void(Entry&)>& change);

  Batch batch(std::vector<Operation> operations, bool ordered = false);
  /// Sends and applies it; the results in order.
  std::vector<OpResult> apply(Batch batch);
  std::vector<OpResult> apply(std::vector<Operation> operations, bool ordered = false);
  OpResult apply_one(Operation op) { return apply({std::move(op)}).at(0); }

  Applier& applier();
  Sender& sender();
  void close_applier() { applier_.reset(); }
  std::string pair_dir() const { return to(".twsync/pair"); }
  std::vector<VersionRecord> versions();
  std::string version_content(const std::string& id) { return read_file(pair_dir() + "/versions/" + id); }
  /// Names below stage/, recursively.
  std::vector<std::string> staged_names() const;

  TempDir source_;
  TempDir target_;
  RootOptions source_options_;
  RootOptions target_options_;
  SystemClock clock_;
  SystemHostFacts host_;
  std::vector<BatchResult> results_;
  std::mutex mutex_;
  uint64_t sent_bytes_ = 0;  ///< content on its way, by the last apply()

 private:
  std::unique_ptr<Sender> sender_;
  std::unique_ptr<Applier> applier_;
  uint64_t batches_ = 0;
};

}  // namespace twsync
