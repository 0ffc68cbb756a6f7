// Two data sets whose records a test fills and searches, on both data bases. Header only.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "server/domain/dataset.h"
#include "server/store/search.h"
#include "server/store/text_index.h"
#include "tests/support/both_databases.h"

namespace attune::store::testing {

class SearchFixture : public BothDatabases {
 protected:
  void SetUp() override {
    BothDatabases::SetUp();
    if (IsSkipped()) return;
    run("INSERT INTO workspaces VALUES ('w', 'w', 't', 't')");
    first_ = new_dataset("first");
    second_ = new_dataset("second");
  }

  Rows run(const std::string& sql, std::vector<Value> values = {}) {
    return database().write([&](Connection& c) { return c.run(sql, values); }).value();
  }

  domain::Schema new_dataset(const std::string& name) {
    domain::Schema schema;
    schema.dataset.id = schema.dataset.name = name;
    schema.dataset.position =
        run("INSERT INTO datasets (id, name, workspace_id, allow_extra_metadata, published, "
            "min_submitted, discards_complete, last_activity_at, inserted_at, updated_at) VALUES "
            "($1, $1, 'w', 1, 1, 1, 0, 't', 't', 't') RETURNING position",
            {name})[0]
            .integer(0);
    for (const char* field : {"question", "answer"}) {
      domain::Field one;
      one.name = field;
      one.settings = {{"type", "text"}};
      schema.fields.push_back(one);
    }
    return schema;
  }

  // A record with these texts in its fields; gives its position.
  int64_t add(const domain::Schema& schema, const std::string& question,
              const std::string& answer = "", bool completed = false) {
    return database()
        .write([&](Connection& c) { return add_in(c, schema, question, answer, completed); })
        .value();
  }
  // The same within a write of many.
  Result<int64_t> add_in(Connection& c, const domain::Schema& schema, const std::string& question,
                         const std::string& answer = "", bool completed = false) {
    const OrderedJson fields = {{"question", question}, {"answer", answer}};
    const std::string id = fmt::format("{:04}", ++records_made_);
    const Rows rows = TRY(
        c.run("INSERT INTO records (id, dataset, external_id, fields, completed, inserted_at, "
              "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING position",
              {id, schema.dataset.position, "e" + id, to_line(fields), int64_t{completed},
               "2026-01-01T00:00:00." + id}));
    const TextToIndex text{rows[0].integer(0), &fields};
    TRY(index_texts(c, schema, std::span(&text, 1)));
    return rows[0].integer(0);
  }

  domain::SearchResult search(const domain::SearchQuery& query) {
    const auto result = database().read([&](Connection& c) { return search_records(c, query); });
    EXPECT_TRUE(result.ok()) << result.error().message();
    return result.ok() ? *result : domain::SearchResult{};
  }
  domain::SearchQuery all(const domain::Schema& schema) const {
    domain::SearchQuery query;
    query.dataset = schema.dataset.position;
    query.limit = 1000;
    return query;
  }
  domain::SearchQuery words(const std::string& text,
                            std::optional<size_t> field = std::nullopt) const {
    domain::SearchQuery query = all(first_);
    query.text = {.text = text, .field = field};
    return query;
  }
  // What is found, in order.
  std::vector<int64_t> found(const domain::SearchQuery& query) {
    const domain::SearchResult result = search(query);
    std::vector<int64_t> records;
    for (const auto& hit : result.hits) records.push_back(hit.record);
    EXPECT_EQ(result.total, static_cast<int64_t>(records.size()));
    return records;
  }
  std::vector<int64_t> found_sorted(const domain::SearchQuery& query) {
    std::vector<int64_t> records = found(query);
    std::sort(records.begin(), records.end());
    return records;
  }

  domain::Schema first_, second_;
  int records_made_ = 0;
};

}  // namespace attune::store::testing
