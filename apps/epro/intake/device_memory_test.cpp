// SPDX-License-Identifier: MIT
#include <apps/epro/intake/device_memory.hpp>

#include <apps/epro/intake/intake_test.hpp>

namespace epro {
namespace {

using sluice::Context;
using sluice::in_virtual_time;
using namespace std::chrono_literals;

Envelope report(int id, std::int64_t seq, std::chrono::minutes offset, std::string device = "phone") {
  Envelope envelope;
  envelope.submission_id.bytes[15] = static_cast<std::uint8_t>(id);
  envelope.device = {std::move(device), 1, seq};
  envelope.captured_at = Timestamp{.at = {}, .offset = offset};
  return envelope;
}

TEST(DeviceMemory, KnowsThePreviousOffsetAndWhoHoldsASequenceNumber) {
  in_virtual_time([](Context&) {
    DeviceMemory memory;
    EXPECT_EQ(memory.recall("DEMO", report(1, 1, 60min)).previous_offset, std::nullopt);
    memory.remember("DEMO", report(1, 1, 60min));
    auto next = memory.recall("DEMO", report(2, 1, 120min));
    EXPECT_EQ(next.previous_offset, 60min);
    EXPECT_EQ(next.holder_of_seq, report(1, 1, 60min).submission_id);
    memory.remember("DEMO", report(2, 1, 120min));
    auto third = memory.recall("DEMO", report(3, 1, 0min));
    EXPECT_EQ(third.previous_offset, 120min);
    EXPECT_EQ(third.holder_of_seq, report(1, 1, 60min).submission_id) << "the first one holds it";
  });
}

TEST(DeviceMemory, KeepsDevicesAndStudiesApart) {
  in_virtual_time([](Context&) {
    DeviceMemory memory;
    memory.remember("DEMO", report(1, 1, 60min));
    EXPECT_EQ(memory.recall("OTHER", report(2, 1, 0min)).previous_offset, std::nullopt);
    EXPECT_EQ(memory.recall("DEMO", report(2, 1, 0min, "tablet")).holder_of_seq, std::nullopt);
  });
}

TEST(DeviceMemory, ForgetsTheOldestBeyondItsCapacity) {
  in_virtual_time([](Context&) {
    DeviceMemory memory(2);
    for (int i = 1; i <= 3; ++i) memory.remember("DEMO", report(i, i, 60min, "phone-" + std::to_string(i)));
    EXPECT_EQ(memory.recall("DEMO", report(9, 1, 0min, "phone-1")).previous_offset, std::nullopt);
    EXPECT_EQ(memory.recall("DEMO", report(9, 3, 0min, "phone-3")).previous_offset, 60min);
  });
}

}  // namespace
}  // namespace epro
