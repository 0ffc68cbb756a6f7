#include "server/store/metadata_index.h"

#include "server/store/record_values.h"

namespace attune::store {

Status index_metadata(Connection& connection, const domain::Dataset& dataset,
                      const domain::MetadataProperty& property) {
  constexpr int64_t kPage = 1000;
  domain::Schema schema;
  schema.dataset = dataset;
  schema.metadata_properties = {property};
  int64_t after = 0;
  while (true) {
    Rows rows = TRY(connection.run(
        "SELECT position, metadata FROM records WHERE dataset = $1 AND position > $2 AND metadata "
        "IS NOT NULL ORDER BY position LIMIT $3",
        {dataset.position, after, kPage}));
    if (rows.empty()) return {};
    std::vector<OrderedJson> metadata;
    metadata.reserve(rows.size());
    std::vector<MetadataOf> all;
    for (const Row& row : rows) {
      metadata.push_back(TRY(parse_ordered_json(row.text(1))));
      all.push_back({row.integer(0), &metadata.back()});
    }
    TRY(write_metadata_values(connection, schema, all, true));
    after = rows.back().integer(0);
  }
}

Result<MetadataMetrics> metadata_metrics(Connection& connection,
                                         const domain::MetadataProperty& property) {
  MetadataMetrics metrics;
  if (domain::type_of(property.settings) == "terms") {
    for (const Row& row : TRY(connection.run(
             "SELECT term, COUNT(*) AS times FROM metadata_values WHERE property = $1 AND term IS "
             "NOT NULL GROUP BY term ORDER BY times DESC, term",
             {property.position}))) {
      metrics.terms.emplace_back(row.text(0), row.integer(1));
      metrics.total += row.integer(1);
    }
    return metrics;
  }
  Rows rows = TRY(connection.run(
      "SELECT MIN(number), MAX(number), COUNT(number) FROM metadata_values WHERE property = $1",
      {property.position}));
  if (!rows.at(0).is_null(0)) {
    metrics.min = rows[0].real(0);
    metrics.max = rows[0].real(1);
    metrics.total = rows[0].integer(2);
  }
  return metrics;
}

}  // namespace attune::store
