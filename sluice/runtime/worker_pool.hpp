// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/task_group.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice {

/// A fixed number of fibers does the work of everybody, so that a large request takes its turn instead of the memory.
///
///   WorkerPool<Reading, Receipt> pool{ctx, {.workers = 5, .queue = 100}, [&](Context& ctx, const Reading& r) { ... }};
///   std::vector<Result<Receipt>> results = pool.process(request_ctx, readings);   // one per reading, in their order
///
/// The queue is bounded; who meets it full parks until there is room. Items that no worker has begun when the request's
/// context ends are answered with its cause; the work on the others sees the ended context. When the pool's own context
/// has ended, what has not begun is answered with that cause. Had there been no stacks for its workers, all is answered
/// with kResourceExhausted. Threads: process() from any fiber but those of its own workers. What its caller did before is
/// visible to the work, and what the work did to the caller afterwards. Items are begun first come, first served.
/// Lifetime: joins its workers at the end; nobody is inside process() by then.
template <class Item, class Output>
class WorkerPool {
 public:
  struct Options {
    std::size_t workers;
    std::size_t queue;  ///< items that wait for a worker, of all callers together
  };
  using Work = std::function<Result<Output>(Context&, const Item&)>;

  WorkerPool(Context& parent, Options options, Work work)
      : work_(std::move(work)), parent_(parent), jobs_(options.queue), group_(workers_context_) {
    SLUICE_ASSERT(options.workers > 0, "a pool without workers would never answer");
    for (std::size_t i = 0; i < options.workers; ++i) group_.go([this](Context& ctx) { serve(ctx); });
  }

  /// One result per item, in their order. Parks until all are answered.
  std::vector<Result<Output>> process(Context& ctx, std::span<const Item> items);

 private:
  struct Job {
    Context* ctx = nullptr;  // the caller's; alive until `pending` is done
    const Item* item = nullptr;
    Result<Output>* result = nullptr;
    WaitGroup* pending = nullptr;
  };

  void serve(Context& ctx) {
    for (;;) {
      auto received = jobs_.recv(ctx);
      if (!received) return;
      const Job& job = **received;
      auto alive = job.ctx->check();
      if (alive) alive = parent_.check();
      *job.result = alive ? work_(*job.ctx, *job.item) : fail(std::move(alive).error());
      job.pending->done();
    }
  }

  const Work work_;
  Context& parent_;
  Chan<Job> jobs_;
  // Apart from the parent's: every job in the queue has somebody who waits for its answer, whatever else has ended.
  Context workers_context_;
  TaskGroup group_;
};

// ---- implementation ----

template <class Item, class Output>
std::vector<Result<Output>> WorkerPool<Item, Output>::process(Context& ctx, std::span<const Item> items) {
  auto staffed = group_.context().check();
  std::vector<Result<Output>> results;
  results.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i)
    results.emplace_back(fail(staffed ? Error(Code::kInternal, "not answered") : staffed.error()));
  if (!staffed) return results;
  // Workers write into our frame, so we leave only when each has: that wait follows a context that nobody cancels. What
  // cancelling cuts short is their work.
  Context patient;
  WaitGroup pending;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (auto alive = ctx.check(); !alive) {
      results[i] = fail(std::move(alive).error());
      continue;
    }
    pending.add();
    if (auto sent = jobs_.send(ctx, Job{&ctx, &items[i], &results[i], &pending}); !sent) {
      results[i] = fail(std::move(sent).error());
      pending.done();
    }
  }
  static_cast<void>(pending.wait(patient));  // cannot fail
  return results;
}

}  // namespace sluice
