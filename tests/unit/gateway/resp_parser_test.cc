#include "apps/gateway/resp_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "apps/gateway/text.h"

namespace garrison::gateway {
namespace {

using Words = std::vector<std::string>;

// Everything the parser makes of its input so far; an error as one last command {"!", text}.
std::vector<Words> drain(RespParser& parser) {
  std::vector<Words> commands;
  for (;;) {
    const RespParser::Next next = parser.next();
    if (std::holds_alternative<RespParser::NeedMore>(next)) return commands;
    if (const auto* error = std::get_if<RespParser::ProtocolError>(&next)) {
      commands.push_back({"!", error->text});
      return commands;
    }
    Words words;
    for (const ByteView one : std::get<RespParser::Command>(next).arguments) words.emplace_back(text(one));
    commands.push_back(words);
  }
}

std::vector<Words> parse(std::string_view input, const RespLimits& limits = {}) {
  RespParser parser(limits);
  parser.feed(as_bytes(input));
  return drain(parser);
}

std::string error_of(std::string_view input, const RespLimits& limits = {}) {
  const std::vector<Words> commands = parse(input, limits);
  if (commands.empty() || commands.back().front() != "!") return "no error";
  return commands.back().back();
}

constexpr std::string_view kPipelined =
    "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$6\r\n1\r\n2\r\n\r\n"
    "PING\r\n"
    "*1\r\n$4\r\nPING\r\n"
    "*0\r\n"
    "\r\n"
    "set \"a b\" 'c d'\n"
    "*2\r\n$3\r\nGET\r\n$0\r\n\r\n";
const std::vector<Words> kPipelinedCommands = {
    {"SET", "k", "1\r\n2\r\n"}, {"PING"}, {"PING"}, {"set", "a b", "c d"}, {"GET", ""}};

TEST(RespParserTest, reads_pipelined_commands_of_both_forms) { EXPECT_EQ(parse(kPipelined), kPipelinedCommands); }

TEST(RespParserTest, gives_the_same_commands_wherever_the_input_is_split) {
  for (std::size_t split = 0; split <= kPipelined.size(); ++split) {
    RespParser parser;
    parser.feed(as_bytes(kPipelined.substr(0, split)));
    std::vector<Words> commands = drain(parser);
    parser.feed(as_bytes(kPipelined.substr(split)));
    const std::vector<Words> rest = drain(parser);
    commands.insert(commands.end(), rest.begin(), rest.end());
    EXPECT_EQ(commands, kPipelinedCommands) << "split at " << split;
  }
}

TEST(RespParserTest, gives_the_same_commands_when_bytes_come_one_at_a_time) {
  RespParser parser;
  std::vector<Words> commands;
  for (const char byte : kPipelined) {
    parser.feed(as_bytes(std::string_view(&byte, 1)));
    for (Words& one : drain(parser)) commands.push_back(std::move(one));
  }
  EXPECT_EQ(commands, kPipelinedCommands);
  EXPECT_EQ(parser.buffered(), 0U);
}

TEST(RespParserTest, refuses_malformed_input_in_the_words_of_redis) {
  EXPECT_EQ(error_of("*x\r\n"), "ERR Protocol error: invalid multibulk length");
  EXPECT_EQ(error_of("*1\n"), "ERR Protocol error: invalid multibulk length");
  EXPECT_EQ(error_of("*99999999999999999999\r\n"), "ERR Protocol error: invalid multibulk length");
  EXPECT_EQ(error_of("*1\r\n$x\r\n"), "ERR Protocol error: invalid bulk length");
  EXPECT_EQ(error_of("*1\r\n$-1\r\n"), "ERR Protocol error: invalid bulk length");
  EXPECT_EQ(error_of("*1\r\n:1\r\n"), "ERR Protocol error: expected '$', got ':'");
  EXPECT_EQ(error_of("*1\r\n\x01"), "ERR Protocol error: expected '$', got '?'");
  EXPECT_EQ(error_of("*1\r\n$4\r\nPINGxx"), "ERR Protocol error: bulk string is not followed by CRLF");
  EXPECT_EQ(error_of("set \"a\r\n"), "ERR Protocol error: unbalanced quotes in request");
  EXPECT_EQ(error_of("set 'a'b\r\n"), "ERR Protocol error: unbalanced quotes in request");
}

TEST(RespParserTest, refuses_what_exceeds_a_bound_before_it_is_all_there) {
  const RespLimits limits{.max_arguments = 3, .max_bulk_bytes = 10, .max_command_bytes = 40, .max_line_bytes = 16};
  EXPECT_EQ(error_of("*4\r\n", limits), "ERR Protocol error: invalid multibulk length");
  EXPECT_EQ(error_of("*1\r\n$11\r\n", limits), "ERR Protocol error: invalid bulk length");
  EXPECT_EQ(error_of("*3\r\n$10\r\n0123456789\r\n$10\r\n0123456789\r\n$10\r\n", limits),
            "ERR Protocol error: command is longer than 40 bytes");
  EXPECT_EQ(error_of("*1111111111111111", limits), "ERR Protocol error: too big mbulk count string");
  EXPECT_EQ(error_of("*1\r\n$1111111111111111", limits), "ERR Protocol error: too big bulk count string");
  EXPECT_EQ(error_of("0123456789abcdef", limits), "ERR Protocol error: too big inline request");
  EXPECT_EQ(parse("*3\r\n$10\r\n0123456789\r\n", limits), std::vector<Words>{}) << "within every bound";
}

TEST(RespParserTest, stays_failed_after_an_error) {
  RespParser parser;
  parser.feed(as_bytes(std::string_view("PING\r\n*x\r\nPING\r\n")));
  EXPECT_EQ(drain(parser), (std::vector<Words>{{"PING"}, {"!", "ERR Protocol error: invalid multibulk length"}}));
  parser.feed(as_bytes(std::string_view("PING\r\n")));
  EXPECT_EQ(drain(parser), (std::vector<Words>{{"!", "ERR Protocol error: invalid multibulk length"}}));
}

TEST(RespParserTest, reads_the_quotes_and_escapes_of_inline_commands) {
  EXPECT_EQ(parse("  echo  \"a\\n\\x41\\\"\\q\" 'it\\'s' a\"b\" \r\n"),
            (std::vector<Words>{{"echo", "a\nA\"q", "it's", "ab"}}));
  EXPECT_EQ(parse("echo \"\" ''\r\n"), (std::vector<Words>{{"echo", "", ""}}));
}

}  // namespace
}  // namespace garrison::gateway
