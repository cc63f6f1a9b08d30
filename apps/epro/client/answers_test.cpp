// SPDX-License-Identifier: MIT
#include <apps/epro/client/answers.hpp>

#include <gtest/gtest.h>

namespace epro {
namespace {

TEST(Answers, AReceiptSaysWhetherItWasAccepted) {
  auto receipt = read_receipt(R"({"receiptId":"r_9f","disposition":"accepted","findings":[]})");
  ASSERT_TRUE(receipt);
  EXPECT_EQ(receipt->receipt_id, "r_9f");
  EXPECT_TRUE(receipt->is_accepted);
  EXPECT_FALSE(read_receipt(R"({"receiptId":"r_9f","disposition":"quarantined"})")->is_accepted);
}

TEST(Answers, WhatIsNoReceiptIsNotTakenForOne) {
  for (const char* body :
       {"", "OK", "[]", "{}", R"({"receiptId":"r_9f"})", R"({"disposition":"accepted"})",
        R"({"receiptId":7,"disposition":"accepted"})", R"({"receiptId":"","disposition":"accepted"})",
        R"({"receiptId":"-","disposition":"accepted"})", R"({"receiptId":"a b","disposition":"accepted"})",
        R"({"receiptId":"r_9f","disposition":"lost"})", R"({"receiptId":"r_9f","disposition":"accepted")"}) {
    auto receipt = read_receipt(body);
    ASSERT_FALSE(receipt) << body;
    EXPECT_EQ(receipt.error().reason(), "bad-answer");
  }
}

TEST(Answers, ARevisionListsItsChanges) {
  auto revision = read_revision(R"({"study":"DEMO","revision":3,"changes":["patients: 5 added"]})");
  ASSERT_TRUE(revision);
  EXPECT_EQ(revision->revision, 3u);
  EXPECT_EQ(revision->changes, std::vector<std::string>{"patients: 5 added"});
  EXPECT_TRUE(read_revision(R"({"revision":3,"changes":[]})")->changes.empty());
  EXPECT_FALSE(read_revision(R"({"revision":"3","changes":[]})"));
  EXPECT_FALSE(read_revision(R"({"revision":3})"));
}

TEST(Answers, ItemsAreCountedByResultAndAllOfThem) {
  const char* body = R"({"items":[{"result":"created"},{"result":"duplicate"},{"result":"conflict"},
                                  {"result":"invalid"},{"result":"quarantined"},{"result":"created"}]})";
  auto counts = read_item_counts(body, 6);
  ASSERT_TRUE(counts);
  EXPECT_EQ(*counts, (ItemCounts{2, 1, 1, 1, 1}));
  EXPECT_FALSE(read_item_counts(body, 5));
  EXPECT_FALSE(read_item_counts(body, 7));
  EXPECT_FALSE(read_item_counts(R"({"items":[{"result":"eaten"}]})", 1));
  EXPECT_FALSE(read_item_counts(R"({"items":[7]})", 1));
  EXPECT_FALSE(read_item_counts(R"({})", 0));
  *counts += ItemCounts{1, 1, 1, 1, 1};
  EXPECT_EQ(*counts, (ItemCounts{3, 2, 2, 2, 2}));
}

TEST(Answers, ARefusalIsDescribedByCodeAndPointer) {
  sluice::http::Response answer{.status = 403, .body = R"({"code":"forbidden","pointer":"/patientId"})"};
  EXPECT_EQ(describe_refusal(answer), "403 forbidden (/patientId)");
  answer.body = R"({"code":"forbidden"})";
  EXPECT_EQ(describe_refusal(answer), "403 forbidden");
  answer.body = "<html>";
  EXPECT_EQ(describe_refusal(answer), "403 Forbidden");
}

}  // namespace
}  // namespace epro
