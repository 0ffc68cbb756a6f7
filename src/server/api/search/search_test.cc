#include "server/api/search/search_body.h"
#include "server/api/testing/api_fixture.h"

namespace attune::api {
namespace {

using domain::json;

class SearchApi : public testing::ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    if (IsSkipped()) return;
    made_ = upsert(R"([
      {"external_id":"e0","fields":{"text":"one fine day"},
       "metadata":{"lang":"en","count":3,"free":1},"vectors":{"v":[1,0]},
       "suggestions":[{"question_id":")" + question_id("stars") + R"(","value":2,"agent":"m",
                       "score":0.9}],
       "responses":[{"user_id":")" + ids_["ann"] + R"(","status":"submitted","values":{
          "rank":{"value":[{"value":"a"},{"value":"b"},{"value":"c"}]},"kind":{"value":"b"}}}]},
      {"external_id":"1","fields":{"text":"zwei Tage"},"metadata":{"lang":"de","count":2},
       "vectors":{"v":[0,1]}},
      {"external_id":"e2","fields":{"text":"three bad days"},"metadata":{"lang":"en","count":9},
       "vectors":{"v":[0.9,0.1]},
       "responses":[{"user_id":")" + ids_["bob"] + R"(","status":"draft"}]},
      {"external_id":"e3","fields":{"text":"nothing more"}}])");
  }

  // The external ids that a search finds, in order.
  static std::string found(const testing::Reply& reply) {
    EXPECT_EQ(reply.status, 200) << reply.text;
    std::string ids;
    if (reply.status != 200) return ids;
    for (const auto& item : reply.body["items"]) {
      const auto& record = item.contains("record") ? item["record"] : item;
      ids += record["external_id"].get<std::string>() + " ";
    }
    return ids;
  }
  testing::Reply search(const std::string& body, const std::string& query = "") {
    return post("lead", records("/search" + query), json(body));
  }
  testing::Reply own(const std::string& as, const std::string& body) {
    return post(as, "/api/v1/me/datasets/" + schema_.dataset.id + "/records/search", json(body));
  }
  std::string filtered(const std::string& filter) {
    return found(search(R"({"filters":{"and":[)" + filter + "]}}"));
  }

  OrderedJson made_;
};

TEST_P(SearchApi, OnesOwnListHoldsAllRecordsAndOnesOwnAnswers) {
  const std::string path = "/api/v1/me/datasets/" + schema_.dataset.id + "/records";
  const auto reply = get("ann", path + "?include=responses");
  EXPECT_EQ(found(reply), "e0 1 e2 e3 ");
  EXPECT_EQ(reply.body["total"], 4);
  EXPECT_EQ(reply.body["items"][0]["responses"].size(), 1u);
  EXPECT_EQ(reply.body["items"][2]["responses"].size(), 0u) << "bob's";
  EXPECT_EQ(found(get("ann", path + "?response_status=submitted")), "e0 ");
  EXPECT_EQ(found(get("bob", path + "?response_status=submitted")), "");
  EXPECT_EQ(get("stranger", path).status, 403);
}

TEST_P(SearchApi, WithoutAQueryRecordsComeInTheOrderOfInsertion) {
  const auto all = search(R"({"query":null,"filters":null,"sort":null})");
  EXPECT_EQ(found(all), "e0 1 e2 e3 ");
  EXPECT_EQ(all.body["total"], 4);
  EXPECT_EQ(all.body["items"][0]["query_score"], 1.0);
  const auto page = search("{}", "?offset=1&limit=2&include=responses&include=suggestions");
  EXPECT_EQ(found(page), "1 e2 ");
  EXPECT_EQ(page.body["total"], 4);
  EXPECT_EQ(page.body["items"][1]["record"]["responses"].size(), 1U);
}

TEST_P(SearchApi, FiltersLookAtRecordsAnswersSuggestionsAndMetadata) {
  EXPECT_EQ(filtered(R"({"type":"terms","scope":{"entity":"metadata","metadata_property":"lang"},
                         "values":["en"]})"),
            "e0 e2 ");
  EXPECT_EQ(filtered(R"({"type":"range","scope":{"entity":"metadata","metadata_property":"count"},
                         "ge":3,"le":null})"),
            "e0 e2 ");
  EXPECT_EQ(filtered(R"({"type":"terms","scope":{"entity":"record","property":"status"},
                         "values":["pending"]})"),
            "1 e2 e3 ");
  EXPECT_EQ(filtered(R"({"type":"terms","scope":{"entity":"record","property":"external_id"},
                         "values":[1]})"),
            "1 ");
  EXPECT_EQ(filtered(R"({"type":"terms","scope":{"entity":"response","property":"status"},
                         "values":["pending","draft"]})"),
            "1 e2 e3 ");
  EXPECT_EQ(filtered(R"({"type":"terms","scope":{"entity":"response","question":"kind"},
                         "values":["b"]})"),
            "e0 ");
  EXPECT_EQ(filtered(R"({"type":"terms","scope":{"entity":"suggestion","question":"stars"},
                         "values":["2"]})"),
            "e0 ");
  EXPECT_EQ(filtered(R"({"type":"range","scope":{"entity":"suggestion","question":"stars",
                         "property":"score"},"ge":0.5})"),
            "e0 ");
  EXPECT_EQ(filtered(R"({"type":"terms","scope":{"entity":"suggestion","question":"stars",
                         "property":"agent"},"values":["m"]},
                        {"type":"terms","scope":{"entity":"record","property":"status"},
                         "values":["pending"]})"),
            "");
  const std::string at = made_[1]["inserted_at"].get<std::string>();
  EXPECT_EQ(filtered(R"({"type":"range","scope":{"entity":"record","property":"inserted_at"},
                         "le":")" + at + R"("})"),
            "e0 1 ");
}

TEST_P(SearchApi, WordsAndVectorsFindWithScores) {
  const auto words = search(R"({"query":{"text":{"q":"fine day"}}})");
  EXPECT_EQ(found(words), "e0 ");
  EXPECT_GT(words.body["items"][0]["query_score"].get<double>(), 0);
  EXPECT_EQ(search(R"({"query":{"text":{"q":""}}})").body["total"], 0);
  const auto near = search(R"({"query":{"vector":{"name":"v","value":[1,0]}}})");
  EXPECT_EQ(found(near), "e0 e2 1 ");
  EXPECT_EQ(near.body["items"][0]["query_score"], 1.0);
  const std::string id = made_[0]["id"].get<std::string>();
  EXPECT_EQ(found(search(R"({"query":{"vector":{"name":"v","order":"least_similar","record_id":")" +
                         id + R"("}}})")),
            "1 e2 ");
}

TEST_P(SearchApi, SortingGivesNoScores) {
  const auto sorted = search(R"({"sort":[{"scope":{"entity":"metadata","metadata_property":"count"},
                                          "order":"desc"}]})");
  EXPECT_EQ(found(sorted), "e2 e0 1 e3 ");
  EXPECT_TRUE(sorted.body["items"][0]["query_score"].is_null());
}

TEST_P(SearchApi, NamesThatTheDataSetLacksAreRefused) {
  const auto refused = [&](const std::string& body) {
    const auto reply = search(body);
    EXPECT_EQ(reply.status, 422) << body;
    return reply.body.value("detail", OrderedJson(nullptr));
  };
  const std::string id = schema_.dataset.id;
  EXPECT_EQ(refused(R"({"query":{"text":{"q":"x","field":"nope"}}})"),
            "Field `nope` not found in dataset `" + id + "`.");
  EXPECT_EQ(refused(R"({"query":{"vector":{"name":"zz","value":[1,1]}}})"),
            "Vector `zz` not found in dataset `" + id + "`.");
  EXPECT_EQ(refused(R"({"filters":{"and":[{"type":"terms","scope":{"entity":"metadata",
                        "metadata_property":"zz"},"values":["x"]}]}})"),
            "MetadataProperty not found filtering by name=zz, dataset_id=" + id);
  EXPECT_EQ(refused(R"({"filters":{"and":[{"type":"terms","scope":{"entity":"response",
                        "question":"zz"},"values":["x"]}]}})"),
            "Question not found filtering by name=zz, dataset_id=" + id);
  EXPECT_EQ(refused(R"({"query":{"vector":{"name":"v","value":[1]}}})"),
            "vector value for vector name=v must have 2 elements, got 1 elements");
  const std::string bare = made_[3]["id"].get<std::string>();
  const auto missing = search(R"({"query":{"vector":{"name":"v","record_id":")" + bare + R"("}}})");
  EXPECT_EQ(missing.status, 422);
  EXPECT_EQ(missing.body["code"], "missing_vector");
}

TEST_P(SearchApi, ANulInAFilterIsRefusedAndInARecordKept) {
  for (const char* filter :
       {R"({"type":"terms","scope":{"entity":"record","property":"external_id"},
            "values":["a\u0000b"]})",
        R"({"type":"range","scope":{"entity":"record","property":"id"},"ge":"\u0000"})"}) {
    EXPECT_EQ(search(std::string(R"({"filters":{"and":[)") + filter + "]}}").status, 422);
  }
  const auto made = upsert(R"([{"fields":{"text":"a\u0000b"},"metadata":{"any":"c\u0000d"}}])");
  EXPECT_EQ(made[0]["metadata"]["any"], std::string("c\0d", 3));
  EXPECT_EQ(made[0]["fields"]["text"], std::string("a\0b", 3));
}

TEST_P(SearchApi, AWrongBodyIsRefusedWhereItIsWrong) {
  const auto error = [&](const std::string& body) {
    const auto reply = search(body);
    EXPECT_EQ(reply.status, 422) << body;
    return to_line(reply.body["detail"]["params"]["errors"]);
  };
  const auto filter = [&](const std::string& one) {
    return error(R"({"filters":{"and":[)" + one + "]}}");
  };
  EXPECT_EQ(error(R"({"query":{"vector":{"name":"v","value":[1,1],"record_id":")" +
                  domain::new_id() + R"("}}})"),
            R"([{"type":"value_error","loc":["body","query","vector"],)"
            R"("msg":"Value error, Either 'record_id' or 'value' must be provided"}])");
  EXPECT_EQ(filter(R"({"type":"range","scope":{"entity":"metadata","metadata_property":"score"},
                       "ge":3,"le":1})"),
            R"([{"type":"value_error","loc":["body","filters","and",0,"range"],"msg":)"
            R"("Value error, 'ge' must have a value less than or equal to 'le'"}])");
  EXPECT_EQ(filter(R"({"type":"range","scope":{"entity":"metadata","metadata_property":"score"}})"),
            R"([{"type":"value_error","loc":["body","filters","and",0,"range"],"msg":)"
            R"("Value error, At least one of 'ge' or 'le' must be provided"}])");
  EXPECT_EQ(filter(R"({"type":"terms","scope":{"entity":"record","property":"status"},
                       "values":[]})"),
            R"([{"type":"too_short","loc":["body","filters","and",0,"terms","values"],"msg":)"
            R"("List should have at least 1 item after validation, not 0"}])");
  EXPECT_EQ(filter(R"({"type":"terms","scope":{"entity":"moon"},"values":["x"]})"),
            R"([{"type":"union_tag_invalid","loc":["body","filters","and",0,"terms","scope"],)"
            R"("msg":"Input tag 'moon' found using 'entity' does not match any of the expected )"
            R"(tags: 'record', 'response', 'suggestion', 'metadata'"}])");
  EXPECT_EQ(filter(R"({"type":"terms","scope":{"entity":"record","property":"moon"},
                       "values":["x"]})"),
            R"([{"type":"literal_error","loc":["body","filters","and",0,"terms","scope","record",)"
            R"("property"],"msg":"Input should be <RecordSortField.id: 'id'>, )"
            R"(<RecordSortField.external_id: 'external_id'>, <RecordSortField.inserted_at: )"
            R"('inserted_at'>, <RecordSortField.updated_at: 'updated_at'> or )"
            R"(<RecordSortField.status: 'status'>"}])");
}

TEST_P(SearchApi, OnesOwnSearchKnowsOwnAnswersAlone) {
  const std::string pending = R"({"filters":{"and":[{"type":"terms","scope":{"entity":"response",
      "property":"status"},"values":["pending"]}]},
      "sort":[{"scope":{"entity":"record","property":"inserted_at"},"order":"asc"}]})";
  EXPECT_EQ(found(own("ann", pending)), "1 e2 e3 ");
  EXPECT_EQ(found(own("bob", pending)), "e0 1 e3 ");
  const auto first = own("ann", "{}");
  EXPECT_EQ(first.body["total"], 4);
  EXPECT_EQ(found(own("ann", "{}")), found(first));  // an order of her own, the same each time
  const auto by_word = own("ann", R"({"query":{"text":{"q":"fine"}}})");
  EXPECT_EQ(by_word.body["items"][0]["record"]["metadata"], json(R"({"lang":"en","count":3})"));
  EXPECT_EQ(own("stranger", "{}").status, 403);
  EXPECT_EQ(post("ann", records("/search"), json("{}")).status, 403);
}

TEST_P(SearchApi, TheOlderClientsFiltersStandInTheQuery) {
  EXPECT_EQ(found(get("lead", records("?response_status=submitted&response_status=draft"))),
            "e0 e2 ");
  EXPECT_EQ(found(get("lead", records("?response_status=pending"))), "1 e3 ");
  EXPECT_EQ(found(get("lead", records("?metadata=lang:de,en&metadata=count:{\"ge\":%203}"))),
            "e0 e2 ");
  EXPECT_EQ(found(get("lead", records("?sort_by=metadata.count:SortOrder.desc"))), "e2 e0 1 e3 ");
  EXPECT_EQ(found(get("lead", records("?sort_by=RecordSortField.inserted_at:desc&limit=2"))),
            "e3 e2 ");
  const auto by_vector = post("lead", records("/search?response_status=pending&limit=2"),
                              json(R"({"query":{"vector":{"name":"v","value":[1,0]}}})"));
  EXPECT_EQ(found(by_vector), "1 ");
  for (const char* wrong : {"?metadata=lang", "?metadata=zz:a", "?sort_by=moon:asc",
                            "?sort_by=inserted_at:up", "?response_status=lost"}) {
    EXPECT_EQ(get("lead", records(wrong)).status, 422) << wrong;
  }
}

INSTANTIATE_BOTH_DATABASES(SearchApi);

TEST(SearchTimes, EveryUsualFormIsUnderstood) {
  EXPECT_EQ(canonical_time("2026-11-22T08:16:27.305321"), "2026-11-22T08:16:27.305321");
  EXPECT_EQ(canonical_time("2026-11-22T08:16:27"), "2026-11-22T08:16:27.000000");
  EXPECT_EQ(canonical_time("2026-11-22 08:16:27.5Z"), "2026-11-22T08:16:27.500000");
  EXPECT_EQ(canonical_time("2026-11-22T08:16:27+02:00"), "2026-11-22T06:16:27.000000");
  EXPECT_EQ(canonical_time("2026-11-22T08:16-0130"), "2026-11-22T09:46:00.000000");
  EXPECT_EQ(canonical_time("2026-11-22"), "2026-11-22T00:00:00.000000");
  for (const char* wrong : {"", "yesterday", "2026-02-30", "2026-11-22T25:00", "2026-11-22T",
                            "2026-11-22T08:16:27 o'clock", "2026-13-01"}) {
    EXPECT_FALSE(canonical_time(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace attune::api
