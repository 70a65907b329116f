#pragma once
// What the allocator holds of this process's past.

namespace twsync {

/// Gives free memory back to the system when the process has grown by a few MiB since the last call that did. Costs
/// milliseconds then, microseconds otherwise: for moments when nothing is waited for. Any thread.
void return_free_memory();

}  // namespace twsync
