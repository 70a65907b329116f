#include "tests/support/fs_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/fs/metadata.h"

namespace twsync {

TempDir::TempDir() : TempDir(std::getenv("TMPDIR") != nullptr ? std::getenv("TMPDIR") : "/tmp") {}

TempDir::TempDir(const std::string& base) : path_(base + "/twsync-fs-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) std::abort();
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return "<none>";
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

bool stands(const std::string& path) {
  struct stat st;
  return ::lstat(path.c_str(), &st) == 0;
}

std::string link_target(const std::string& path) {
  char buffer[4096];
  const ssize_t size = ::readlink(path.c_str(), buffer, sizeof buffer);
  return size < 0 ? "<none>" : std::string(buffer, static_cast<size_t>(size));
}

uint32_t mode_of(const std::string& path) {
  struct stat st;
  return ::lstat(path.c_str(), &st) == 0 ? st.st_mode & 07777U : 0;
}

void set_mtime(const std::string& path, int64_t mtime_ns) {
  const struct timespec times[2] = {{0, UTIME_OMIT}, to_timespec(mtime_ns)};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0) << path;
}

int64_t mtime_of(const std::string& path) {
  struct stat st;
  return ::lstat(path.c_str(), &st) == 0 ? st.st_mtim.tv_sec * kSecond + st.st_mtim.tv_nsec : -1;
}

FsTest::FsTest() {
  source_options_ = {source_.path(), "pair", Side::code, {}, false, false};
  target_options_ = {target_.path(), "pair", Side::deploy, {}, false, false};
}

FsTest::~FsTest() = default;

void FsTest::old_file(const std::string& path, const std::string& bytes) {
  write_file(path, bytes);
  set_mtime(path, kOldTime);
}

Entry FsTest::scan(const RootOptions& side, const std::string& path) {
  auto reader = LocalSide::open(side, clock_, host_);
  EXPECT_TRUE(reader) << describe(reader.error());
  auto reply = (*reader)->digest({{path}});
  EXPECT_TRUE(reply) << describe(reply.error());
  EXPECT_TRUE(reply->failed.empty()) << describe(reply->failed.at(0));
  return reply->entries.at(0).entry;
}

Operation FsTest::put(const std::string& path) {
  Operation op;
  op.kind = OpKind::put_file;
  op.path = path;
  op.expected = at_target(path);
  op.desired = at_source(path);
  op.desired.digest = {};
  return op;
}

Operation FsTest::put_link(const std::string& path) {
  Operation op = put(path);
  op.kind = OpKind::put_symlink;
  return op;
}

Operation FsTest::make_dir(const std::string& path, uint32_t mode) {
  Operation op;
  op.kind = OpKind::make_directory;
  op.stage = OpStage::structure;
  op.path = path;
  op.expected = at_target(path);
  op.desired.kind = Kind::directory;
  op.desired.mode = mode;
  return op;
}

Operation FsTest::remove(const std::string& path) {
  Operation op;
  op.kind = OpKind::remove;
  op.stage = OpStage::removal;
  op.path = path;
  op.expected = at_target(path);
  return op;
}

Operation FsTest::remove_dir(const std::string& path) {
  Operation op = remove(path);
  op.kind = OpKind::remove_directory;
  op.stage = OpStage::directory_removal;
  return op;
}

Operation FsTest::rename(const std::string& from_path, const std::string& to_path) {
  Operation op;
  op.kind = OpKind::rename;
  op.stage = OpStage::structure;
  op.path = to_path;
  op.from = from_path;
  op.expected = at_target(from_path);
  op.desired = op.expected;
  return op;
}

Operation FsTest::metadata(const std::string& path, const std::function<void(Entry&)>& change) {
  Operation op;
  op.kind = OpKind::set_metadata;
  op.path = path;
  op.expected = at_target(path);
  op.desired = op.expected;
  change(op.desired);
  return op;
}

Batch FsTest::batch(std::vector<Operation> operations, bool ordered) {
  Batch out;
  out.id = ++batches_;
  out.side = Side::deploy;
  out.ordered = ordered;
  out.scanned_ns = clock_.wall_ns();
  out.operations = std::move(operations);
  for (size_t i = 0; i < out.operations.size(); ++i) {
    out.operations[i].id = static_cast<uint32_t>(i);
    out.operations[i].side = Side::deploy;
  }
  return out;
}

Applier& FsTest::applier() {
  if (!applier_) {
    auto opened = Applier::open(target_options_, clock_, [this](BatchResult result) {
      std::lock_guard lock(mutex_);
      results_.push_back(std::move(result));
    });
    if (!opened) ADD_FAILURE() << describe(opened.error());
    applier_ = std::move(opened).value();
  }
  return *applier_;
}

Sender& FsTest::sender() {
  if (!sender_) {
    auto opened = Sender::open(source_options_);
    if (!opened) ADD_FAILURE() << describe(opened.error());
    sender_ = std::move(opened).value();
  }
  return *sender_;
}

std::vector<OpResult> FsTest::apply(std::vector<Operation> operations, bool ordered) {
  return apply(batch(std::move(operations), ordered));
}

std::vector<OpResult> FsTest::apply(Batch work) {
  Applier& target = applier();
  const uint64_t id = work.id;
  sent_bytes_ = 0;
  EXPECT_TRUE(target.begin(work).ok());
  EXPECT_TRUE(sender()
                  .send(work,
                        [&](std::string block) {
                          sent_bytes_ += block.size();
                          return target.content(std::move(block));
                        })
                  .ok());
  EXPECT_TRUE(target.end().ok());
  EXPECT_TRUE(target.drain().ok());
  std::lock_guard lock(mutex_);
  for (const BatchResult& result : results_) {
    if (result.batch == id) return result.results;
  }
  ADD_FAILURE() << "no result";
  return {};
}

std::vector<VersionRecord> FsTest::versions() {
  const UniqueFd fd(::open((pair_dir() + "/versions").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto store = VersionStore::open(fd.get(), clock_);
  auto list = (*store)->list("");
  EXPECT_TRUE(list) << describe(list.error());
  return std::move(list).value();
}

std::vector<std::string> FsTest::staged_names() const {
  std::vector<std::string> names;
  for (const auto& item : std::filesystem::recursive_directory_iterator(pair_dir() + "/stage")) {
    if (!item.path().filename().string().starts_with("s-")) names.push_back(item.path().filename().string());
  }
  return names;
}

}  // namespace twsync
