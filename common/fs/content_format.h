#pragma once
// Records of the content stream (common/wire/PROTOCOL_CONTENT.md).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/model/entry.h"

namespace twsync {

constexpr size_t kMaxRawBlock = 256U << 10U;
constexpr size_t kRecordHead = 4;

/// Never renumber: sent.
enum class RecordType : uint8_t {
  begin = 1,
  data = 2,
  hole = 3,
  end = 4,
  abort = 5,
  failed = 6,
  copy = 7,
  arrived = 8
};

struct BeginRecord {
  uint32_t op = 0;
  bool as_planned = false;
  bool same = false;       ///< its content is the version's which the target has: `end` follows at once
  Entry source;            ///< a file, without digest
  uint64_t allocated = 0;  ///< bytes that it takes on the sender's disk; its size where the sender doesn't say
  uint32_t twin = 0;       ///< copies are of this one of `Batch::twins`, counted from 1; 0 = of the old version
};

/// Bytes that are the same as in the version which the target has (`Operation::expected`), or in the file's twin.
struct CopyRecord {
  uint64_t offset = 0;  ///< there
  uint64_t size = 0;
};

struct FailedRecord {
  uint32_t op = 0;
  Error error;
};

std::string encode_begin(const BeginRecord& record);
std::string encode_data_head(size_t size);  ///< the bytes follow
std::string encode_hole(uint64_t count);
std::string encode_copy(const CopyRecord& record);
std::string encode_arrived(uint64_t count);
std::string encode_end(const Digest& digest);
std::string encode_abort();
std::string encode_failed(const FailedRecord& record);

struct Record {
  RecordType type = RecordType::abort;
  std::string_view body;
};

/// Takes records out of one raw block. Every failure is peer_violation.
class RecordReader {
 public:
  explicit RecordReader(std::string_view block) : rest_(block) {}
  bool more() const { return !rest_.empty(); }
  Result<Record> next();

 private:
  std::string_view rest_;
};

Result<BeginRecord> decode_begin(std::string_view body);
Result<uint64_t> decode_hole(std::string_view body);
Result<CopyRecord> decode_copy(std::string_view body);
Result<uint64_t> decode_arrived(std::string_view body);
Result<Digest> decode_end(std::string_view body);
Result<FailedRecord> decode_failed(std::string_view body);

}  // namespace twsync
