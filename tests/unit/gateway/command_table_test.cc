// Commands against the kv service itself, executed in place.
#include "apps/gateway/command_table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "apps/gateway/text.h"
#include "control/service/kv_service.h"

namespace garrison::gateway {
namespace {

class CommandTableTest : public testing::Test {
 protected:
  std::string run(const std::vector<std::string>& words) {
    std::vector<ByteView> arguments;
    for (const std::string& word : words) arguments.push_back(as_bytes(word));
    Translated made = translate(arguments, session_, facts_);
    if (const auto* immediate = std::get_if<Immediate>(&made)) {
      closed_ = immediate->close;
      return std::string(text(immediate->reply));
    }
    Bytes result;
    kv_.apply(std::get<Operation>(made).bytes, result);
    return std::string(text(reply_of(result, session_.protocol)));
  }

  service::KvService kv_{service::ServiceOptions{}};
  RespSession session_{.id = 7, .peer = "127.0.0.1:1", .protocol = Protocol::resp2, .name = {}};
  GatewayFacts facts_{.port = 6379};
  bool closed_ = false;
};

TEST_F(CommandTableTest, stores_and_reads_values) {
  EXPECT_EQ(run({"GET", "k"}), "$-1\r\n");
  EXPECT_EQ(run({"SET", "k", "v"}), "+OK\r\n");
  EXPECT_EQ(run({"get", "k"}), "$1\r\nv\r\n");
  EXPECT_EQ(run({"SET", "k", "w", "NX"}), "$-1\r\n");
  EXPECT_EQ(run({"SET", "k", "w", "xx"}), "+OK\r\n");
  EXPECT_EQ(run({"SET", "other", "w", "XX"}), "$-1\r\n");
  EXPECT_EQ(run({"EXISTS", "k", "k", "other"}), ":2\r\n");
  EXPECT_EQ(run({"DEL", "k", "other"}), ":1\r\n");
  EXPECT_EQ(run({"MSET", "a", "1", "b", "2"}), "+OK\r\n");
  EXPECT_EQ(run({"MGET", "a", "no", "b"}), "*3\r\n$1\r\n1\r\n$-1\r\n$1\r\n2\r\n");
  EXPECT_EQ(run({"DBSIZE"}), ":2\r\n");
  EXPECT_EQ(run({"FLUSHALL", "async"}), "+OK\r\n");
  EXPECT_EQ(run({"FLUSHALL", "SYNC"}), "+OK\r\n");
  EXPECT_EQ(run({"DBSIZE"}), ":0\r\n");
}

TEST_F(CommandTableTest, counts_up_and_down) {
  EXPECT_EQ(run({"INCR", "n"}), ":1\r\n");
  EXPECT_EQ(run({"INCRBY", "n", "41"}), ":42\r\n");
  EXPECT_EQ(run({"DECR", "n"}), ":41\r\n");
  EXPECT_EQ(run({"DECRBY", "n", "-1"}), ":42\r\n");
  EXPECT_EQ(run({"INCRBY", "n", "9223372036854775807"}), "-ERR increment or decrement would overflow\r\n");
  EXPECT_EQ(run({"DECRBY", "n", "-9223372036854775808"}), "-ERR decrement would overflow\r\n");
  for (const char* wrong : {"x", "", "1.5", "+1", "01", " 1", "9223372036854775808"}) {
    EXPECT_EQ(run({"INCRBY", "n", wrong}), "-ERR value is not an integer or out of range\r\n") << wrong;
  }
  run({"SET", "n", "text"});
  EXPECT_EQ(run({"INCR", "n"}), "-ERR value is not an integer or out of range\r\n");
}

TEST_F(CommandTableTest, refuses_in_the_words_of_redis) {
  EXPECT_EQ(run({"foo", "a", "b"}), "-ERR unknown command 'foo', with args beginning with: 'a' 'b' \r\n");
  EXPECT_EQ(run({"foo"}), "-ERR unknown command 'foo', with args beginning with: \r\n");
  EXPECT_EQ(run({"a\r\nb"}), "-ERR unknown command 'a  b', with args beginning with: \r\n");
  EXPECT_EQ(run({"GET"}), "-ERR wrong number of arguments for 'get' command\r\n");
  EXPECT_EQ(run({"Get", "a", "b"}), "-ERR wrong number of arguments for 'get' command\r\n");
  EXPECT_EQ(run({"DEL"}), "-ERR wrong number of arguments for 'del' command\r\n");
  EXPECT_EQ(run({"MSET", "a", "1", "b"}), "-ERR wrong number of arguments for 'mset' command\r\n");
  EXPECT_EQ(run({"PING", "a", "b"}), "-ERR wrong number of arguments for 'ping' command\r\n");
  EXPECT_EQ(run({"SET", "k", "v", "EX", "1"}), "-ERR syntax error\r\n");
  EXPECT_EQ(run({"SET", "k", "v", "NX", "XX"}), "-ERR syntax error\r\n");
  EXPECT_EQ(run({"FLUSHALL", "now"}), "-ERR syntax error\r\n");
  EXPECT_EQ(run({"SELECT", "1"}), "-ERR DB index is out of range\r\n");
  EXPECT_EQ(run({"SELECT", "x"}), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(run({"CLIENT", "KILL"}), "-ERR unknown subcommand 'KILL'. Try CLIENT HELP.\r\n");
  EXPECT_EQ(run({"CONFIG", "SET", "a", "b"}), "-ERR unknown subcommand 'SET'. Try CONFIG HELP.\r\n");
  EXPECT_EQ(run({"CONFIG", "GET"}), "-ERR wrong number of arguments for 'config|get' command\r\n");
}

TEST_F(CommandTableTest, repeats_no_more_than_128_bytes_of_an_unknown_command) {
  const std::string reply = run({std::string(1000, 'x'), std::string(1000, 'y'), "z"});
  EXPECT_EQ(reply, "-ERR unknown command '" + std::string(128, 'x') + "', with args beginning with: '" +
                       std::string(128, 'y') + "' \r\n");
}

TEST_F(CommandTableTest, refuses_what_the_service_does_not_take) {
  EXPECT_EQ(run({"GET", std::string(513, 'k')}), "-ERR key is longer than 512 bytes\r\n");
  EXPECT_EQ(run({"SET", "k", std::string(31 * 1024 + 1, 'v')}), "-ERR value is longer than 31744 bytes\r\n");
}

TEST_F(CommandTableTest, answers_for_the_connection_itself) {
  EXPECT_EQ(run({"PING"}), "+PONG\r\n");
  EXPECT_EQ(run({"PING", "hi"}), "$2\r\nhi\r\n");
  EXPECT_EQ(run({"ECHO", "hi"}), "$2\r\nhi\r\n");
  EXPECT_EQ(run({"SELECT", "0"}), "+OK\r\n");
  EXPECT_EQ(run({"CLIENT", "GETNAME"}), "$-1\r\n");
  EXPECT_EQ(run({"CLIENT", "SETNAME", "me"}), "+OK\r\n");
  EXPECT_EQ(run({"CLIENT", "GETNAME"}), "$2\r\nme\r\n");
  EXPECT_EQ(run({"CLIENT", "SETNAME", "a b"}),
            "-ERR Client names cannot contain spaces, newlines or special characters.\r\n");
  EXPECT_EQ(run({"CLIENT", "ID"}), ":7\r\n");
  EXPECT_EQ(run({"CLIENT", "SETINFO", "LIB-NAME", "x"}), "+OK\r\n");
  EXPECT_EQ(run({"CLIENT", "LIST"}), "$42\r\nid=7 addr=127.0.0.1:1 name=me db=0 resp=2\n\r\n");
  EXPECT_EQ(run({"CONFIG", "GET", "save"}), "*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
  EXPECT_EQ(run({"CONFIG", "GET", "appendonly"}), "*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n");
  EXPECT_EQ(run({"CONFIG", "GET", "unheard-of"}), "*0\r\n");
  EXPECT_EQ(run({"COMMAND"}), "*0\r\n");
  EXPECT_EQ(run({"COMMAND", "DOCS"}), "*0\r\n");
  EXPECT_EQ(run({"COMMAND", "COUNT"}), ":23\r\n");
  EXPECT_NE(run({"INFO"}).find("redis_version:"), std::string::npos);
  EXPECT_EQ(run({"INFO", "clients"}).find("redis_version:"), std::string::npos);
  EXPECT_EQ(run({"AUTH", "x"}).substr(0, 26), "-ERR AUTH <password> calle");
  EXPECT_FALSE(closed_);
  EXPECT_EQ(run({"QUIT"}), "+OK\r\n");
  EXPECT_TRUE(closed_);
}

TEST_F(CommandTableTest, speaks_resp3_after_hello_3_and_resp2_after_reset) {
  EXPECT_EQ(
      run({"HELLO", "3"}),
      "%7\r\n$6\r\nserver\r\n$8\r\ngarrison\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n"
      "$2\r\nid\r\n:7\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n");
  EXPECT_EQ(run({"GET", "k"}), "_\r\n");
  EXPECT_EQ(run({"MGET", "k"}), "*1\r\n_\r\n");
  EXPECT_EQ(run({"CONFIG", "GET", "save"}), "%1\r\n$4\r\nsave\r\n$0\r\n\r\n");
  EXPECT_EQ(run({"RESET"}), "+RESET\r\n");
  EXPECT_EQ(run({"GET", "k"}), "$-1\r\n");
}

TEST_F(CommandTableTest, refuses_a_hello_without_changing_anything) {
  EXPECT_EQ(run({"HELLO", "4"}), "-NOPROTO unsupported protocol version\r\n");
  EXPECT_EQ(run({"HELLO", "x"}), "-ERR Protocol version is not an integer or out of range\r\n");
  EXPECT_EQ(run({"HELLO", "3", "SETNAME"}), "-ERR Syntax error in HELLO option 'SETNAME'\r\n");
  EXPECT_EQ(run({"HELLO", "3", "AUTH", "user", "secret"}),
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  EXPECT_EQ(session_.protocol, Protocol::resp2);
  EXPECT_EQ(run({"HELLO", "3", "SETNAME", "n"}).substr(0, 2), "%7");
  EXPECT_EQ(session_.name, "n");
}

TEST_F(CommandTableTest, says_so_when_the_service_is_no_key_value_store) {
  EXPECT_EQ(text(reply_of({}, Protocol::resp2)), "-ERR the replicated service is not a key-value store\r\n");
}

}  // namespace
}  // namespace garrison::gateway
