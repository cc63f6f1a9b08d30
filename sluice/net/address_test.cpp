// SPDX-License-Identifier: MIT
#include <sluice/net/address.hpp>

#include <gtest/gtest.h>

namespace sluice::net {
namespace {

TEST(HostPort, ReadsNamesAndAddressesOfBothKinds) {
  EXPECT_EQ(parse_host_port("db.local:5432", "/db"), (HostPort{"db.local", 5432}));
  EXPECT_EQ(parse_host_port("127.0.0.1:0", "/db"), (HostPort{"127.0.0.1", 0}));
  EXPECT_EQ(parse_host_port("[::1]:65535", "/db"), (HostPort{"::1", 65535}));
  EXPECT_EQ(parse_host_port(":8888", "/db"), (HostPort{"", 8888}));
}

struct Malformed {
  const char* text;
  const char* reason;
};

class MalformedHostPort : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedHostPort, IsRefusedNamingTheFieldAndNotTheText) {
  auto parsed = parse_host_port(GetParam().text, "/Listen");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(parsed.error().reason(), GetParam().reason);
  EXPECT_EQ(parsed.error().field(), "/Listen");
  EXPECT_FALSE(parsed.error().detail().contains("local"));
}

INSTANTIATE_TEST_SUITE_P(Table, MalformedHostPort,
                         testing::Values(Malformed{"", "bad-port"}, Malformed{"local", "bad-port"},
                                         Malformed{"local:", "bad-port"}, Malformed{"local:http", "bad-port"},
                                         Malformed{"local:65536", "bad-port"}, Malformed{"local:-1", "bad-port"},
                                         Malformed{"local:80 ", "bad-port"}, Malformed{"::1:80", "bad-port"},
                                         Malformed{"[::1]", "bad-port"}, Malformed{"[::1:80", "bad-port"},
                                         Malformed{"[]:80", "bad-host"}, Malformed{"[local]:80", "bad-host"},
                                         Malformed{"a b:80", "bad-host"}, Malformed{"a/b:80", "bad-host"}));

TEST(HostPort, RefusesAHostLongerThanDnsAllows) {
  EXPECT_TRUE(parse_host_port(std::string(255, 'a') + ":1", "f"));
  EXPECT_EQ(parse_host_port(std::string(256, 'a') + ":1", "f").error().reason(), "bad-host");
}

TEST(Address, IsWrittenAsItIsRead) {
  EXPECT_EQ(Address::from_ip("10.1.2.3", 80)->to_string(), "10.1.2.3:80");
  EXPECT_EQ(Address::from_ip("2001:db8::1", 443)->to_string(), "[2001:db8::1]:443");
  EXPECT_EQ(Address::from_ip("localhost", 1), std::nullopt);
  EXPECT_EQ(Address::from_ip("10.1.2", 1), std::nullopt);
}

TEST(Resolve, NeedsNoNameServiceForALiteral) {
  Context ctx;
  auto found = resolve(ctx, {"127.0.0.1", 9});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->at(0), *Address::from_ip("127.0.0.1", 9));
}

TEST(Resolve, TakesNoHostForEveryLocalAddress) {
  Context ctx;
  auto found = resolve(ctx, {"", 9});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->at(0).to_string(), "0.0.0.0:9");
}

}  // namespace
}  // namespace sluice::net
