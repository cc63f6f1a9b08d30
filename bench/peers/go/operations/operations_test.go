// Package operations holds the same operations as bench/*_bench.cpp, by the same names, for bench/compare.
package operations

import (
	"context"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	perBatch       = 40_000  // as in channel_bench.cpp and sync_bench.cpp
	yieldsPerBatch = 100_000 // as in spawn_bench.cpp
	fibTasks       = 10_945  // as in spawn_bench.cpp
	live           = 100_000 // as in timer_bench.cpp
	lastPrime      = 37_813  // the 4,000th
)

// BenchmarkOperations runs each operation as a sub-benchmark that reports time and processor time per operation.
func BenchmarkOperations(b *testing.B) {
	for _, operation := range []struct {
		name  string
		batch int // operations that one call carries out
		run   func(calls int)
	}{
		{"spawn_finish_100", 100, repeat(func() { finishBatch(100) })},
		{"spawn_finish_10000", 10_000, repeat(func() { finishBatch(10_000) })},
		{"spawn_join", 1, repeat(func() { finishBatch(1) })},
		{"wait_group_fan_out_8", 1, repeat(func() { finishBatch(8) })},
		{"fork_join_fib_20", fibTasks, repeat(func() { must(fib(20) == 6_765) })},
		{"yield_2", yieldsPerBatch, repeat(func() { yieldInTurn(2, yieldsPerBatch/2) })},
		{"yield_1000", yieldsPerBatch, repeat(func() { yieldInTurn(1_000, yieldsPerBatch/1_000) })},
		{"ping_pong", 1, pingPong},
		{"ping_pong_4_pairs", perBatch, repeat(func() { playBatch(4) })},
		{"buffered_1x1", perBatch, repeat(func() { carryBatch(1, 1) })},
		{"buffered_4x4", perBatch, repeat(func() { carryBatch(4, 4) })},
		{"workers_5", perBatch, repeat(processBatch)},
		{"prime_sieve_4000", 1, repeat(func() { must(sieve() == 4_000) })},
		{"select_ready", 1, selectReady},
		{"select_blocking", 1, selectBlocking},
		{"mutex_uncontended", 1, lockAlone},
		{"mutex_contended_4", perBatch, repeat(contend)},
		{"with_timeout", 1, withTimeout},
		{"json_read_10", 1, jsonRead},
		{"json_write_10", 1, jsonWrite},
		{"sleepers_100000", live, repeat(sleepBatch)},
		{"timer_start_stop", 1, startAndStopTimers}, // last: it leaves 100,000 timers behind
	} {
		b.Run(operation.name, func(b *testing.B) {
			calls := (b.N + operation.batch - 1) / operation.batch
			operation.run(1)
			start, before := time.Now(), processorTime()
			operation.run(calls)
			elapsed, used := time.Since(start), processorTime()-before
			done := float64(calls) * float64(operation.batch)
			b.ReportMetric(float64(elapsed.Nanoseconds())/done, "ns/op")
			b.ReportMetric(float64(used.Nanoseconds())/done, "cpu-ns/op")
		})
	}
}

// processorTime is that of all threads, the garbage collector's included, as Google Benchmark's process time is.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func must(ok bool) {
	if !ok {
		panic("wrong")
	}
}

func repeat(operation func()) func(int) {
	return func(calls int) {
		for i := 0; i < calls; i++ {
			operation()
		}
	}
}

func finishBatch(count int) {
	var running sync.WaitGroup
	running.Add(count)
	for i := 0; i < count; i++ {
		go func() { running.Done() }()
	}
	running.Wait()
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	var larger int
	var started sync.WaitGroup
	started.Add(1)
	go func() {
		larger = fib(n - 1)
		started.Done()
	}()
	smaller := fib(n - 2)
	started.Wait()
	return larger + smaller
}

func yieldInTurn(goroutines, turns int) {
	var running sync.WaitGroup
	running.Add(goroutines)
	for i := 0; i < goroutines; i++ {
		go func() {
			for turn := 0; turn < turns; turn++ {
				runtime.Gosched()
			}
			running.Done()
		}()
	}
	running.Wait()
}

func pingPong(calls int) {
	ping, pong := make(chan int), make(chan int)
	go func() {
		for ball := range ping {
			pong <- ball
		}
	}()
	for i := 0; i < calls; i++ {
		ping <- 1
		<-pong
	}
	close(ping)
}

func playBatch(pairs int) {
	var playing sync.WaitGroup
	playing.Add(pairs)
	for i := 0; i < pairs; i++ {
		go func() {
			pingPong(perBatch / pairs)
			playing.Done()
		}()
	}
	playing.Wait()
}

func carryBatch(senders, receivers int) {
	channel := make(chan int, 128)
	var reading, writing sync.WaitGroup
	reading.Add(receivers)
	writing.Add(senders)
	for i := 0; i < receivers; i++ {
		go func() {
			defer reading.Done()
			for range channel {
			}
		}()
	}
	for i := 0; i < senders; i++ {
		go func() {
			defer writing.Done()
			for value := 0; value < perBatch/senders; value++ {
				channel <- value
			}
		}()
	}
	writing.Wait()
	close(channel)
	reading.Wait()
}

func processBatch() {
	jobs, results := make(chan int, 100), make(chan int, 100)
	var workers sync.WaitGroup
	workers.Add(5)
	for worker := 0; worker < 5; worker++ {
		go func() {
			defer workers.Done()
			for job := range jobs {
				results <- job * 2
			}
		}()
	}
	go func() {
		for job := 0; job < perBatch; job++ {
			jobs <- job
		}
		close(jobs)
	}()
	for i := 0; i < perBatch; i++ {
		<-results
	}
	workers.Wait()
}

func sieve() (primes int) {
	numbers := make(chan int)
	go func(out chan<- int) {
		for number := 2; number <= lastPrime; number++ {
			out <- number
		}
		close(out)
	}(numbers)
	for {
		prime, more := <-numbers
		if !more {
			return primes
		}
		primes++
		filtered := make(chan int)
		go filter(numbers, filtered, prime)
		numbers = filtered
	}
}

func filter(in <-chan int, out chan<- int, prime int) {
	for number := range in {
		if number%prime != 0 {
			out <- number
		}
	}
	close(out)
}

func selectReady(calls int) {
	a, b := make(chan int, 1), make(chan int, 1)
	a <- 1
	b <- 2
	for i := 0; i < calls; i++ {
		select {
		case value := <-a:
			a <- value
		case value := <-b:
			b <- value
		}
	}
}

func selectBlocking(calls int) {
	a, b := make(chan int), make(chan int)
	go func() {
		for i := 0; i < calls; i++ {
			if i%2 == 0 {
				a <- i
			} else {
				b <- i
			}
		}
	}()
	for i := 0; i < calls; i++ {
		select {
		case <-a:
		case <-b:
		}
	}
}

func lockAlone(calls int) {
	var mutex sync.Mutex
	var counter int64
	for i := 0; i < calls; i++ {
		mutex.Lock()
		counter++
		mutex.Unlock()
	}
	runtime.KeepAlive(&counter)
}

func contend() {
	var mutex sync.Mutex
	var counter int64
	var running sync.WaitGroup
	running.Add(4)
	for i := 0; i < 4; i++ {
		go func() {
			defer running.Done()
			for k := 0; k < perBatch/4; k++ {
				mutex.Lock()
				counter++
				mutex.Unlock()
			}
		}()
	}
	running.Wait()
}

func withTimeout(calls int) {
	parent, end := context.WithCancel(context.Background())
	defer end()
	for i := 0; i < calls; i++ {
		ctx, cancel := context.WithTimeout(parent, time.Second)
		_ = ctx.Err()
		cancel()
	}
}
