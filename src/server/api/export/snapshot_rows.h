// Rows of a snapshot as the records that they were, so that every form of export can be made of
// them. Pure.
#pragma once

#include <span>

#include "base/result.h"
#include "server/domain/dataset.h"
#include "server/store/export_pages.h"
#include "server/store/snapshots.h"

namespace attune::api {

// Rows of which everything was forgotten are left out, and so are answers that were. Suggestions to
// questions that are not there any more too. Errors: text that is no row of an export.
Result<store::ExportPage> page_of_snapshot(const domain::Schema& schema,
                                           std::span<const store::SnapshotRow> rows);

}  // namespace attune::api
