#pragma once
// What the allocator holds of this process's past.

namespace twsync {

/// Gives free memory back to the system when a MiB of it or more came together since the last call that did. Costs
/// milliseconds then, microseconds otherwise: for moments when nothing is waited for. Any thread.
void return_free_memory();

/// All threads to come share one arena: of any other, return_free_memory() could not give back its end, which after a
/// first sync is most of it. To be called at the start of main().
void use_one_arena();

/// What is freed stays at hand, until return_free_memory(): else each block of content is mapped, touched for the first
/// time and unmapped again (3 % of the processor time of a first sync). For processes that end soon, or that give it
/// back when they rest.
void keep_freed_memory();

}  // namespace twsync
