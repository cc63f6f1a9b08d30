// SPDX-License-Identifier: MIT
#include <sluice/runtime/rw_mutex.hpp>

#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <sluice/runtime/many_seeds_test.hpp>

namespace sluice {
namespace {

TEST(RwMutex, LetsReadersInTogetherAndAWriterAlone) {
  in_virtual_time([](Context& ctx) {
    RwMutex mutex;
    bool has_written = false;
    TaskGroup group{ctx};
    mutex.lock_shared();
    EXPECT_TRUE(mutex.try_lock_shared());
    EXPECT_FALSE(mutex.try_lock());
    group.go([&](Context&) {
      std::lock_guard writing(mutex);
      has_written = true;
    });
    let_all_park(ctx);
    mutex.unlock_shared();
    let_all_park(ctx);
    EXPECT_FALSE(has_written);
    mutex.unlock_shared();
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(has_written);
    EXPECT_TRUE(mutex.try_lock());
    EXPECT_FALSE(mutex.try_lock_shared());
    mutex.unlock();
  });
}

TEST(RwMutex, AWaitingWriterKeepsNewReadersOut) {
  in_virtual_time([](Context& ctx) {
    RwMutex mutex;
    std::string order;
    TaskGroup group{ctx};
    mutex.lock_shared();
    group.go([&](Context&) {
      std::lock_guard writing(mutex);
      order += 'w';
    });
    let_all_park(ctx);
    EXPECT_FALSE(mutex.try_lock_shared());
    group.go([&](Context&) {
      std::shared_lock reading(mutex);
      order += 'r';
    });
    let_all_park(ctx);
    EXPECT_EQ(order, "");
    mutex.unlock_shared();
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(order, "wr");
  });
}

TEST(RwMutex, ReadersThatWaitedGetInBeforeTheNextWriter) {
  in_virtual_time([](Context& ctx) {
    RwMutex mutex;
    std::string order;
    TaskGroup group{ctx};
    mutex.lock();
    for (char who : {'w', 'r', 'w', 'r'}) {
      group.go([&, who](Context&) {
        who == 'w' ? mutex.lock() : mutex.lock_shared();
        order += who;
        yield();
        who == 'w' ? mutex.unlock() : mutex.unlock_shared();
      });
      let_all_park(ctx);
    }
    mutex.unlock();
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(order, "rrww");
  });
}

TEST(RwMutex, AWriterThatGivesUpLetsTheReadersBehindItIn) {
  for (bool leaves_first : {false, true})
    in_virtual_time([&](Context& ctx) {
      RwMutex mutex;
      Context request{ctx};
      bool has_read = false;
      TaskGroup group{ctx};
      mutex.lock_shared();
      group.go([&](Context&) { EXPECT_FALSE(mutex.lock(request)); });
      let_all_park(ctx);
      group.go([&](Context&) {
        std::shared_lock reading(mutex);
        has_read = true;
      });
      let_all_park(ctx);
      EXPECT_FALSE(has_read);
      request.cancel();
      if (leaves_first) mutex.unlock_shared();  // before the writer has seen that it may not wait any more
      let_all_park(ctx);
      EXPECT_TRUE(has_read);
      if (!leaves_first) mutex.unlock_shared();
      EXPECT_TRUE(mutex.try_lock());
      mutex.unlock();
    });
}

TEST(RwMutex, AReaderThatGivesUpLeavesNothingBehind) {
  in_virtual_time([](Context& ctx) {
    RwMutex mutex;
    Context request{ctx};
    TaskGroup group{ctx};
    mutex.lock();
    group.go([&](Context&) { EXPECT_FALSE(mutex.lock_shared(request)); });
    let_all_park(ctx);
    request.cancel();
    let_all_park(ctx);
    mutex.unlock();
    EXPECT_TRUE(mutex.try_lock());
    mutex.unlock();
  });
}

TEST(RwMutexDeathTest, IsUnlockedOnlyByWhoHoldsIt) {
  auto unlock = [](auto how) {
    in_virtual_time([&](Context&) {
      RwMutex mutex;
      how(mutex);
    });
  };
  EXPECT_DEATH(unlock([](RwMutex& mutex) { mutex.unlock(); }), "unlocked by its writer");
  EXPECT_DEATH(unlock([](RwMutex& mutex) { mutex.unlock_shared(); }), "unlocked by one of its readers");
  EXPECT_DEATH(unlock([](RwMutex& mutex) {
                 mutex.lock_shared();
                 mutex.unlock();
               }),
               "unlocked by its writer");
  EXPECT_DEATH(unlock([](RwMutex& mutex) {
                 mutex.lock();
                 mutex.unlock_shared();
               }),
               "unlocked by one of its readers");
}

// The rules of Go's RWMutex, seen from outside.
class RwMutexModel {
 public:
  explicit RwMutexModel(Chance& chance) : chance_(chance) {}

  void write() {
    int me = next_++;
    writers_.push_back(me);
    mutex_.lock();
    EXPECT_EQ(writers_.front(), me) << "a writer overtook another one";
    writers_.pop_front();
    has_written_.insert(me);
    EXPECT_FALSE(is_writing_);
    EXPECT_EQ(reading_, 0);
    for (auto [reader, has_seen_unlock] : readers_) EXPECT_FALSE(has_seen_unlock) << "a writer overtook a reader";
    inside_write();
    mutex_.unlock();
  }

  void read() {
    int me = next_++;
    // While one writes, another one that waits comes after all readers that wait by the end of it.
    int ahead = is_writing_ || writers_.empty() ? -1 : writers_.front();
    readers_[me] = false;
    mutex_.lock_shared();
    readers_.erase(me);
    EXPECT_TRUE(ahead < 0 || has_written_.contains(ahead)) << "a reader overtook a waiting writer";
    inside_read();
    mutex_.unlock_shared();
  }

  void try_write() {
    bool is_free = !is_writing_ && reading_ == 0 && writers_.empty() && readers_.empty();
    EXPECT_EQ(mutex_.try_lock(), is_free);
    if (!is_free) return;
    inside_write();
    mutex_.unlock();
  }

  void try_read() {
    bool is_free = !is_writing_ && writers_.empty();
    EXPECT_EQ(mutex_.try_lock_shared(), is_free);
    if (!is_free) return;
    inside_read();
    mutex_.unlock_shared();
  }

 private:
  void inside_write() {
    is_writing_ = true;
    chance_.wander();
    is_writing_ = false;
    for (auto& [reader, has_seen_unlock] : readers_) has_seen_unlock = true;
  }

  void inside_read() {
    EXPECT_FALSE(is_writing_);
    ++reading_;
    chance_.wander();
    --reading_;
  }

  Chance& chance_;
  RwMutex mutex_;
  int next_ = 0;
  std::deque<int> writers_;      // that wait, in their order
  std::map<int, bool> readers_;  // that wait; true: a writer has left since
  std::set<int> has_written_;
  bool is_writing_ = false;
  int reading_ = 0;
};

TEST(RwMutexProperty, KeepsGosRules) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    RwMutexModel model(chance);
    TaskGroup group{ctx};
    for (int fiber = 0; fiber < 6; ++fiber)
      group.go([&](Context&) {
        for (int step = 0; step < 20; ++step) {
          switch (chance.below(6)) {
            case 0: model.write(); break;
            case 1: model.try_write(); break;
            case 2: model.try_read(); break;
            default: model.read();
          }
          chance.wander();
        }
      });
    EXPECT_TRUE(group.wait());
  });
}

TEST(RwMutexProperty, WhoGivesUpKeepsNobodyOut) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    RwMutex mutex;
    int reading = 0;
    bool is_writing = false;
    auto write = [&] {
      EXPECT_FALSE(std::exchange(is_writing, true));
      EXPECT_EQ(reading, 0);
      chance.wander();
      is_writing = false;
      mutex.unlock();
    };
    auto read = [&] {
      EXPECT_FALSE(is_writing);
      ++reading;
      chance.wander();
      --reading;
      mutex.unlock_shared();
    };
    TaskGroup group{ctx};
    for (int fiber = 0; fiber < 6; ++fiber)
      group.go([&](Context& own) {
        for (int step = 0; step < 20; ++step) {
          Context hasty{own, Duration(chance.below(6))}, patient{own};
          Context& request = chance.one_in(2) ? hasty : patient;
          if (chance.one_in(3)) {
            if (mutex.lock(request)) write();
          } else {
            if (mutex.lock_shared(request)) read();
          }
          chance.wander();
        }
      });
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(mutex.try_lock());
    mutex.unlock();
  });
}

TEST(RwMutexStress, ReadersSeeWholeWrites) {
  on_few_and_many_processors([](Context& ctx) {
    RwMutex mutex;
    int left = 0, right = 0;  // plain on purpose: TSan sees it if the lock does not order its holders
    const int rounds = kManyTimes / 10;
    TaskGroup group{ctx};
    for (int fiber = 0; fiber < 6; ++fiber)
      group.go([&, fiber](Context&) {
        for (int round = 0; round < rounds; ++round) {
          if (fiber < 2) {
            std::lock_guard writing(mutex);
            ++left;
            if (round % 64 == 0) yield();  // against the advice, so that others meet it locked
            ++right;
          } else {
            std::shared_lock reading(mutex);
            int seen = left;
            if (round % 64 == 0) yield();
            EXPECT_EQ(seen, right);
          }
        }
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(left, 2 * rounds);
  });
}

}  // namespace
}  // namespace sluice
