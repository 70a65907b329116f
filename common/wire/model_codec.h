#pragma once
// How model values travel: field order is part of the protocol; append only (PROTOCOL.md, evolution).

#include "common/model/entry.h"
#include "common/model/hint.h"
#include "common/model/plan.h"
#include "common/model/policy.h"
#include "common/wire/codec.h"

namespace twsync {

#define SYNC_WIRE(Type, ...)             \
  template <>                            \
  struct WireFields<Type> {              \
    template <class F>                   \
    static void fields(Type& v, F&& f) { \
      f(__VA_ARGS__);                    \
    }                                    \
  }

SYNC_WIRE(Digest, v.algorithm, v.high, v.low);
SYNC_WIRE(Stamp, v.inode, v.size, v.mtime_ns, v.ctime_ns);
SYNC_WIRE(Entry, v.kind, v.mode, v.links, v.uid, v.gid, v.owner, v.group, v.xattrs, v.size, v.mtime_ns, v.digest,
          v.target, v.stamp);
SYNC_WIRE(SideRecord, v.stamp, v.mode, v.owner, v.group, v.links, v.apart, v.xattrs);
SYNC_WIRE(BaseRow, v.path, v.agreed, v.code, v.deploy, v.round);
SYNC_WIRE(Doubt, v.active, v.fresh, v.after_round, v.up_to_round, v.stopped_before_ns, v.first_look_ns);
SYNC_WIRE(PathEntry, v.path, v.entry);
SYNC_WIRE(Hint, v.source, v.pair, v.side, v.path, v.recursive, v.moved_from, v.is_move);
SYNC_WIRE(Scope, v.path, v.recursive);
SYNC_WIRE(Operation, v.id, v.kind, v.stage, v.side, v.cause, v.group, v.path, v.from, v.expected, v.desired);
SYNC_WIRE(Conflict, v.path, v.rule, v.code, v.deploy, v.winner);
SYNC_WIRE(ParkedItem, v.reason, v.side, v.path, v.text);
SYNC_WIRE(Error, v.code, v.message, v.path, v.sys_errno);

}  // namespace twsync
