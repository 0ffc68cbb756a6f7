#include "server/api/testing/accounts_fixture.h"
#include "server/api/webhooks/webhook_post.h"
#include "server/store/webhooks.h"

namespace attune::api {
namespace {

using testing::Reply;

class WebhooksTest : public testing::AccountsTest {
 protected:
  static OrderedJson input() {
    return {{"url", "https://example.org/hook"}, {"events", {"record.created"}}};
  }
  int64_t deliveries() {
    return database()
        .read([](store::Connection& c) { return c.run("SELECT count(*) FROM webhook_deliveries"); })
        .value()[0]
        .integer(0);
  }
};
INSTANTIATE_BOTH_DATABASES(WebhooksTest);

TEST_P(WebhooksTest, AreMadeChangedAndDeletedAsRecorded) {
  const Reply made = post("/api/v1/webhooks", input());
  ASSERT_EQ(made.status, 201) << made.text;
  std::vector<std::string> keys;
  for (const auto& [key, value] : made.body.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"id", "url", "secret", "events", "enabled",
                                            "description", "inserted_at", "updated_at"}));
  EXPECT_EQ(made.body["secret"].get<std::string>().size(), 88u) << "64 bytes in base64";
  EXPECT_EQ(get("/api/v1/webhooks").body["items"], OrderedJson::array({made.body}));
  const std::string path = "/api/v1/webhooks/" + made.body["id"].get<std::string>();
  const Reply changed = patch(path, {{"enabled", false}, {"description", "mine"}});
  EXPECT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(changed.body["enabled"], false);
  EXPECT_EQ(changed.body["description"], "mine");
  EXPECT_EQ(changed.body["events"], made.body["events"]);
  EXPECT_EQ(patch(path, {{"events", nullptr}}).status, 422);
  EXPECT_EQ(remove(path).body["id"], made.body["id"]);
  EXPECT_EQ(remove(path).status, 404);
  EXPECT_EQ(get("/api/v1/webhooks").text, R"({"items":[]})");
}

TEST_P(WebhooksTest, MistakesAreSaidAsRecorded) {
  OrderedJson bad = input();
  bad["events"] = {"moon.created"};
  EXPECT_EQ(post("/api/v1/webhooks", bad).mistakes(),
            R"(enum ["body","events",0] Input should be 'dataset.created', 'dataset.updated', )"
            "'dataset.deleted', 'dataset.published', 'record.created', 'record.updated', "
            "'record.deleted', 'record.completed', 'response.created', 'response.updated' or "
            "'response.deleted'");
  bad["events"] = OrderedJson::array();
  EXPECT_EQ(post("/api/v1/webhooks", bad).mistakes(),
            R"(too_short ["body","events"] List should have at least 1 item after validation, )"
            "not 0");
  bad["events"] = {"record.created", "record.created"};
  EXPECT_EQ(post("/api/v1/webhooks", bad).status, 422);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(post("/api/v1/webhooks", input()).status, 201);
  EXPECT_EQ(post("/api/v1/webhooks", input()).status, 422) << "an eleventh";
}

TEST_P(WebhooksTest, AddressesInsideTheNetworkAreRefusedUnlessAllowed) {
  for (const char* url :
       {"http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]/x", "http://10.0.0.8/",
        "http://169.254.169.254/latest/meta-data", "http://0x7f000001/", "http://2130706433/",
        "http://[::ffff:10.0.0.1]/", "ftp://example.org/", "file:///etc/passwd", "/relative",
        "https://user:secret@example.org/", "gopher://example.org/"}) {
    OrderedJson bad = input();
    bad["url"] = url;
    const Reply reply = post("/api/v1/webhooks", bad);
    EXPECT_EQ(reply.status, 422) << url << reply.text;
  }
  EXPECT_EQ(get("/api/v1/webhooks").body["items"].size(), 0u);
  services().allow_private_webhooks = true;
  OrderedJson inside = input();
  inside["url"] = "http://127.0.0.1:1/x";
  EXPECT_EQ(post("/api/v1/webhooks", inside).status, 201);
}

TEST_P(WebhooksTest, PingsAndEventsWaitForDelivery) {
  const Reply made = post("/api/v1/webhooks", input());
  const std::string path = "/api/v1/webhooks/" + made.body["id"].get<std::string>();
  EXPECT_EQ(post(path + "/ping", nullptr).status, 204);
  EXPECT_EQ(deliveries(), 1);
  const auto emit = [&](const char* event, bool commit) {
    return database().write([&](store::Connection& c) -> Status {
      TRY(services().events->emit(c, event, [](store::Connection&) -> Result<OrderedJson> {
        return OrderedJson{{"id", "r"}};
      }));
      if (!commit) return invalid_input("taken back");
      return {};
    });
  };
  EXPECT_TRUE(emit("record.created", true).ok());
  EXPECT_EQ(deliveries(), 2);
  EXPECT_TRUE(emit("record.deleted", true).ok());
  EXPECT_EQ(deliveries(), 2) << "nobody listens to it";
  EXPECT_FALSE(emit("record.created", false).ok());
  EXPECT_EQ(deliveries(), 2) << "what did not happen is not told";
  EXPECT_EQ(patch(path, {{"enabled", false}}).status, 200);
  EXPECT_TRUE(emit("record.created", true).ok());
  EXPECT_EQ(deliveries(), 2);
  EXPECT_EQ(remove(path).status, 200);
  EXPECT_EQ(deliveries(), 0);
}

}  // namespace
}  // namespace attune::api
