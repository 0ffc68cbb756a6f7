// What of the process, and of a mapped file, lies in memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace attune {

// Takes bytes of a file's mapping (base/file.h's MappedFile) out of the process's resident memory,
// for a reader that has its copy: the pages that lie wholly within. They stay readable; the next
// access fetches them from the file again. Never for memory that is not a file's: it would be lost.
void drop_mapped_pages(const uint8_t* data, size_t bytes);

// Memory of this process that is in RAM, by the kernel's count; 0 where it keeps none.
int64_t resident_bytes();

}  // namespace attune
