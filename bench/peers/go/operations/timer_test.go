package operations

import (
	"sync"
	"time"
)

// scattered is as in in_runtime.hpp.
func scattered(index int, within time.Duration) time.Duration {
	hash := uint64(uint32(index) * 2_654_435_761)
	return time.Duration(hash * uint64(within>>16) >> 16)
}

func startTimer(index int) *time.Timer {
	return time.AfterFunc(time.Minute+scattered(index, 59*time.Minute), func() {})
}

var startLiveTimers sync.Once // by the call that warms up, which is not measured

func startAndStopTimers(calls int) {
	startLiveTimers.Do(func() {
		for i := 0; i < live; i++ {
			startTimer(i)
		}
	})
	for i := 0; i < calls; i++ {
		startTimer(live + i).Stop()
	}
}

func sleepBatch() {
	var sleeping sync.WaitGroup
	sleeping.Add(live)
	for i := 0; i < live; i++ {
		go func(i int) {
			time.Sleep(10*time.Millisecond + scattered(i, 40*time.Millisecond))
			sleeping.Done()
		}(i)
	}
	sleeping.Wait()
}
