// The SQL of each schema version; migrations.h applies them in order.
#pragma once

namespace attune::store {

extern const char* const kSchema1, *const kSchema2, *const kSchema3, *const kSchema4;

}  // namespace attune::store
